"""Requests to an ASGI application, without a server or a socket."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class AppResponse:
    """A response; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 (any JSON)
        return json.loads(self.body)

    @property
    def alert(self) -> tuple[int, str, str]:
        """Status, level and text of a response that is a single alert."""
        (alert,) = self.json["alerts"]
        assert self.headers["content-type"] == "application/json"
        assert self.json.keys() == {"alerts"}
        return self.status, alert["level"], alert["text"]


def request(
    app: ASGIApp,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> AppResponse:
    """Return the application's response; `target` is a path, with or without a query."""
    return asyncio.run(_request(app, target, method, dict(headers or {}), body))


async def _request(
    app: ASGIApp, target: str, method: str, headers: dict[str, str], body: bytes
) -> AppResponse:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 80),
    }
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        # After the body, the caller waits for the response and never disconnects.
        return waiting.pop() if waiting else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *parts = sent
    found = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
    content = b"".join(part.get("body", b"") for part in parts)
    if found.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return AppResponse(status=start["status"], headers=found, body=content)
