"""What the simulator was asked and what it completely served: what a test compares a database with."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REQUESTS_KEPT = 10_000
_LAST_PIECE_S = 1.0  # a client that does not read keeps nobody waiting longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request: when (seconds since the epoch, of the simulator's clock), to which server, for what.

    Attributes:
        server: `traffic_ops` or the name of a monitor.
        path: the path with the query.
    """

    time: float
    server: str
    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One Traffic Monitor body of which the last byte was handed to the system.

    Attributes:
        feed: `CacheStats` or `DsStats`.
        served_at: seconds since the epoch, of the simulator's clock.
        newest_ms: the time of its newest sample; 0 when it held none.
        body: the JSON before compression; None unless bodies are kept.
    """

    cdn: str
    monitor: str
    feed: str
    served_at: float
    newest_ms: int
    body: bytes | None


class Record:
    """The requests (the last 10,000) and the served bodies (all) of a simulator, in order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked: deque[Asked] = deque(maxlen=_REQUESTS_KEPT)
        self._served: list[Served] = []
        self._finishing = 0

    @property
    def asked(self) -> tuple[Asked, ...]:
        """A copy of what is kept of the requests, oldest first."""
        with self._changed:
            return tuple(self._asked)

    @property
    def served(self) -> tuple[Served, ...]:
        """A copy of what was served, oldest first.

        A client may have its last byte before this side has noted that: such answers are waited for.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._finishing, _LAST_PIECE_S)
            return tuple(self._served)

    def add_asked(self, asked: Asked) -> None:
        """Note a request, before it is answered."""
        with self._changed:
            self._asked.append(asked)
            self._changed.notify_all()

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Let those who ask what was served wait while the last piece of an answer is sent and noted."""
        with self._changed:
            self._finishing += 1
        try:
            yield
        finally:
            with self._changed:
                self._finishing -= 1
                self._changed.notify_all()

    def add_served(self, served: Served) -> None:
        """Note a served body."""
        with self._changed:
            self._served.append(served)
            self._changed.notify_all()

    def wait(self, enough: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `enough` holds; it is asked again whenever something was noted.

        Returns:
            whether it held within `timeout_s` seconds.
        """
        with self._changed:
            return self._changed.wait_for(enough, timeout_s)
