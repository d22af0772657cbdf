"""A log of the requests and of the feeds that were served in full, for tests to compare a database with."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_REQUESTS_KEPT = 10_000
_LAST_PIECE_S = 1.0  # a client that does not read delays nobody for longer than this


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRequest:
    """A request.

    Attributes:
        time: when it came, in seconds since the epoch of the simulator's clock.
        server: `traffic_ops` or the name of a monitor.
        method: the HTTP method.
        path: the path with the query.
    """

    time: float
    server: str
    method: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFeed:
    """A feed of a Traffic Monitor of which the last byte was handed to the system.

    Attributes:
        cdn: the CDN of the monitor.
        monitor: the name of the monitor.
        feed: `CacheStats` or `DsStats`.
        served_at: seconds since the epoch of the simulator's clock.
        newest_ms: the time of its newest sample; 0 if it has none.
        body: the JSON before compression; None unless bodies are kept.
    """

    cdn: str
    monitor: str
    feed: str
    served_at: float
    newest_ms: int
    body: bytes | None


class ExchangeLog:
    """The last 10,000 requests and all served feeds of a simulator, in order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: deque[LoggedRequest] = deque(maxlen=_REQUESTS_KEPT)
        self._served: list[ServedFeed] = []
        self._sending = 0

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """A copy of the logged requests, oldest first."""
        with self._changed:
            return tuple(self._requests)

    @property
    def served(self) -> tuple[ServedFeed, ...]:
        """A copy of the served feeds, oldest first.

        A client may have the last byte of a response before it is logged here; this waits for such responses.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._sending, _LAST_PIECE_S)
            return tuple(self._served)

    def add_request(self, request: LoggedRequest) -> None:
        """Log a request, before it is answered."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Make readers of `served` wait while the last piece of a response is sent and logged."""
        with self._changed:
            self._sending += 1
        try:
            yield
        finally:
            with self._changed:
                self._sending -= 1
                self._changed.notify_all()

    def add_served(self, served: ServedFeed) -> None:
        """Log a served feed."""
        with self._changed:
            self._served.append(served)
            self._changed.notify_all()

    def wait(self, enough: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `enough` returns true; it is called again whenever something was logged.

        Returns:
            Whether it returned true within `timeout_s` seconds.
        """
        with self._changed:
            return self._changed.wait_for(enough, timeout_s)
