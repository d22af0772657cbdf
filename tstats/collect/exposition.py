"""/metrics for Prometheus and /healthz for load balancers, over HTTP."""

import json
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from tstats.errors import ConfigError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


class _MetricsServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 (the base class's names)
        del format, args


class Exposition:
    """The server of /metrics and /healthz; it runs in a thread until `close`.

    Args:
        host, port: where to listen; port 0 takes a free port.
        registry: what /metrics shows.
        problems: returns messages about what is wrong now; none means healthy.

    Attributes:
        url: the address on which it listens.

    Raises:
        ConfigError: the address is in use or not available.
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
                status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
                body = json.dumps({"healthy": not wrong, "problems": wrong}).encode() + b"\n"
                kind = "application/json"
            else:
                status, body, kind = HTTPStatus.NOT_FOUND, b"see /metrics and /healthz\n", "text/plain"
            start(
                f"{status.value} {status.phrase}",
                [("Content-Type", kind), ("Content-Length", str(len(body)))],
            )
            return [body]

        try:
            self._server = make_server(
                host, port, application, server_class=_MetricsServer, handler_class=_QuietHandler
            )
        except OSError as error:
            raise ConfigError(
                f"metricsBind: cannot listen on {host}:{port}: {error.strerror}; choose another address"
            ) from None
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
