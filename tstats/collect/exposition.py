"""/metrics and /healthz over HTTP, for Prometheus and for whoever asks whether all is well."""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from tstats.errors import ConfigError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 (the base class's names)
        del format, args


class Exposition:
    """The server; `close` ends it.

    Args:
        host, port: where it listens; port 0 takes a free one.
        registry: what /metrics shows.
        problems: what is wrong now, in words; empty is healthy.

    Raises:
        ConfigError: it cannot listen there.
    """

    def __init__(
        self, host: str, port: int, *, registry: CollectorRegistry, problems: Callable[[], list[str]]
    ) -> None:
        metrics = make_wsgi_app(registry)

        def application(environment: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            path = environment.get("PATH_INFO", "/")
            if path == "/metrics":
                answer: Iterable[bytes] = metrics(environment, start)
                return answer
            if path == "/healthz":
                wrong = problems()
                status = "503 Service Unavailable" if wrong else "200 OK"
                body = json.dumps({"healthy": not wrong, "problems": wrong}).encode() + b"\n"
                kind = "application/json"
            else:
                status, body, kind = "404 Not Found", b"/metrics and /healthz are here\n", "text/plain"
            start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
            return [body]

        try:
            self._server = make_server(
                host, port, application, server_class=_Server, handler_class=_QuietHandler
            )
        except OSError as error:
            raise ConfigError(
                f"metricsBind: cannot listen at {host}:{port}: {error.strerror}; choose another port"
            ) from None
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
