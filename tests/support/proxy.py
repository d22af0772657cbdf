"""A proxy in front of an InfluxDB that fails the way networks and servers do."""

import http.client
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Literal
from urllib.parse import urlsplit

from tests.support.serving import Serving

Fault = Literal["reset", "unavailable", "slow", "cut", "short"]
"""What happens to a request: `reset` closes the connection without an answer, `unavailable` answers 503,
`slow` delays the answer, `cut` breaks it off in the middle, `short` drops its last line and ends it as if it
were complete."""

Plan = Callable[[str, bytes], Fault | None]

_OF_ONE_CONNECTION = {"Content-Length", "Transfer-Encoding", "Connection"}


class Proxy(Serving):
    """Forwards requests to an InfluxDB, except for those that meet a fault.

    Args:
        url: the InfluxDB.
        plan: returns the fault for a request's path and body; called by several threads.
        delay: seconds by which `slow` delays an answer.
    """

    def __init__(self, url: str, plan: Plan, *, delay: float = 0.05) -> None:  # noqa: C901 (the handler is defined in it)
        self.faults: list[Fault] = []
        self.upstream = url  # may be changed while the proxy serves
        proxy, faults = self, self.faults

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = plan(self.path, body)
                if fault is not None:
                    faults.append(fault)
                if fault == "unavailable":
                    self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"Content-Type": "text/plain"}, b"try later")
                elif fault == "reset":
                    self.close_connection = True
                else:
                    self._pass_on(body, fault)

            def _pass_on(self, body: bytes, fault: Fault | None) -> None:
                if fault == "slow":
                    time.sleep(delay)
                connection = http.client.HTTPConnection(urlsplit(proxy.upstream).netloc, timeout=60)
                try:
                    headers = {key: value for key, value in self.headers.items() if key != "Host"}
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    content = answer.read()
                except (OSError, http.client.HTTPException):  # the server behind it is down
                    self.close_connection = True
                    return
                finally:
                    connection.close()
                if fault == "short" and content.count(b"\n") > 1:
                    content = content[: content[:-1].rindex(b"\n") + 1]
                kept = {key: value for key, value in answer.getheaders() if key not in _OF_ONE_CONNECTION}
                self._answer(answer.status, kept, content, cut=fault == "cut")

            do_POST = do_GET  # noqa: N815 (the same)

            def _answer(
                self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False
            ) -> None:
                try:
                    self.send_response_only(status)
                    for key, value in headers.items():
                        self.send_header(key, value)
                    self.send_header("Content-Length", str(len(content) + cut))
                    self.end_headers()
                    self.wfile.write(content[: len(content) // 2] if cut else content)
                except OSError:  # the client has given up
                    self.close_connection = True
                if cut:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        super().__init__(Handler)
