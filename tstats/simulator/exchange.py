"""One HTTP request and its answer, apart from sockets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asked; `target` is the path with the query, `headers` have names in lower case."""

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
        """The target behind the question mark, still encoded."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What makes an answer a monitor's feed: whose, which, and the time (ms) of its newest sample."""

    cdn: str
    feed: str
    newest_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says; `body` is not yet compressed.

    Attributes:
        sample: set when the body is a monitor's feed as it should be; it is then recorded as served.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    sample: Sample | None = None


class Application(Protocol):
    """A Traffic Ops or a Traffic Monitor."""

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request; it is called by several threads at once."""
        ...


def json_answer(content: object, status: int = 200) -> Answer:
    """Return `content` as a JSON answer."""
    return Answer(status=status, body=msgspec.json.encode(content))


def alert(text: str, *, status: int = 200, level: str = "error") -> Answer:
    """Return Traffic Ops' form of a message."""
    return json_answer({"alerts": [{"text": text, "level": level}]}, status)
