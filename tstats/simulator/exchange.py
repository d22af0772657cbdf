"""An HTTP request and its response, apart from sockets."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import msgspec

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request; `target` is the path with the query, and the names in `headers` are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target after the question mark, still encoded."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDetails:
    """Whose feed a response carries, which one, and the time (ms) of its newest sample."""

    cdn: str
    feed: str
    newest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A response; `body` is not compressed yet.

    Attributes:
        feed: set if the body is an intact feed of a monitor, which is then logged as served.
    """

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    feed: FeedDetails | None = None


class Application(Protocol):
    """A Traffic Ops or a Traffic Monitor."""

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return the response to a request; several threads may call this at once."""
        ...


def json_response(content: object, status: int = HTTPStatus.OK) -> HttpResponse:
    """Return `content` as a JSON response."""
    return HttpResponse(status=status, body=msgspec.json.encode(content))


def alert(text: str, *, status: int = HTTPStatus.OK, level: str = "error") -> HttpResponse:
    """Return a message in the form of Traffic Ops."""
    return json_response({"alerts": [{"text": text, "level": level}]}, status)
