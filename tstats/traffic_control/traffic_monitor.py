"""A client of Traffic Monitors: returns the payload of the first monitor of a CDN that answers in time."""

import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar
from urllib.parse import quote

from tstats.errors import TstatsError, UnreachableError
from tstats.transport.http import fetch
from tstats.transport.session import DirectSession

Feed = Literal["CacheStats", "DsStats"]
FEEDS: tuple[Feed, ...] = ("CacheStats", "DsStats")
Result = TypeVar("Result")
_MOST_BYTES = 512 << 20


class MonitorGroup:
    """The monitors of one CDN for one feed. They are alternatives. Not thread-safe.

    Args:
        urls: base URLs; the monitor that answered last is asked first.
        feed: the payload to ask for.
        stats: the stats to ask for.
        on_failed: called with the URL and the reason when a monitor gives no usable payload.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        feed: Feed,
        stats: Sequence[str],
        on_failed: Callable[[str, str], None],
    ) -> None:
        self._urls = list(urls)
        wanted = ",".join(quote(stat, safe="") for stat in stats)
        self._path = f"/publish/{feed}?hc=1&wildcard=1&stats={wanted}"
        self._on_failed = on_failed
        self._session = DirectSession()
        self._session.headers["Accept-Encoding"] = "gzip"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ask(self, read: Callable[[bytes], Result], *, seconds: float) -> tuple[str, Result]:
        """Ask one monitor after the other until a payload arrives in time and can be read.

        Args:
            read: reads a payload; raises a TstatsError if it is invalid.
            seconds: the time for all monitors together; each gets an equal share of what is left.

        Returns:
            The URL of the monitor, and the result of `read`.

        Raises:
            UnreachableError: no monitor gave a usable payload; `on_failed` got the reasons.
        """
        deadline = time.monotonic() + seconds
        for position, url in enumerate(self._urls):
            share = (deadline - time.monotonic()) / (len(self._urls) - position)
            if share <= 0:
                break
            try:
                body = fetch(self._session, "GET", url + self._path, seconds=share, most_bytes=_MOST_BYTES)
                result = read(body)
            except TstatsError as error:
                self._on_failed(url, str(error))
                continue
            self._urls.insert(0, self._urls.pop(position))
            return url, result
        raise UnreachableError(f"none of {len(self._urls)} monitors gave a usable payload")
