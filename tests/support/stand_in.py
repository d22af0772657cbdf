"""A tiny HTTP server that stands in for another server and gives the answers that a test wants."""

import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler

from tests.support.serving import Serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `path` is as on the wire, with its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class StandIn(Serving):
    """A server on its own loopback port; `requests` holds the requests that it got.

    Args:
        answer: returns the reply to a request.
    """

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self.requests: list[Request] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # otherwise each answer waits for the delayed ACK of its headers

            def do_GET(self) -> None:
                request = Request(
                    method=self.command,
                    path=self.path,
                    headers=dict(self.headers),
                    body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
                )
                requests.append(request)
                reply = answer(request)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_POST = do_GET  # noqa: N815 (the name that http.server looks for)

            def log_message(self, *arguments: object) -> None:
                del arguments

        super().__init__(Handler)


def passed_on(request: Request, url: str) -> Reply:
    """Forward a request to the real server at `url` and return its reply."""
    headers = {name: value for name, value in request.headers.items() if name != "Host"}
    forwarded = urllib.request.Request(  # noqa: S310 (a loopback URL of our own)
        url + request.path, data=request.body or None, headers=headers, method=request.method
    )
    try:
        with urllib.request.urlopen(forwarded, timeout=30) as response:  # noqa: S310 (the same)
            return Reply(status=response.status, headers=_kept(response.headers), body=response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(status=error.code, headers=_kept(error.headers), body=error.read())


def _kept(headers: Message) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.startswith("X-") or name in {"Content-Type", "Content-Encoding"}
    }
