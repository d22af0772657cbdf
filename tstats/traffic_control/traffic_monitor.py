"""Traffic Monitor: the payload of the first monitor of a CDN that gives one in time."""

import time
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar
from urllib.parse import quote

import requests

from tstats.errors import TstatsError, UnreachableError
from tstats.transport.http import fetch

Feed = Literal["CacheStats", "DsStats"]
FEEDS: tuple[Feed, ...] = ("CacheStats", "DsStats")
Result = TypeVar("Result")
_MOST_BYTES = 512 << 20


class MonitorGroup:
    """The monitors of one CDN, alternatives of each other, for one feed; used by one thread at a time.

    Args:
        urls: base URLs; the one that answered last is asked first.
        feed: which payload.
        stats: the stats to ask for.
        on_failed: told the URL and the reason when a monitor does not answer and the next is asked.
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
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "gzip"

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def ask(self, read: Callable[[bytes], Result], *, seconds: float) -> tuple[str, Result]:
        """The URL of the first monitor whose payload came in time and could be read, and what was read.

        Args:
            read: reads a payload; raises a TstatsError when it is none.
            seconds: the time for all of them together; each has an equal share of what is left.

        Raises:
            UnreachableError: none of them did; `on_failed` was told each one's reason.
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
        raise UnreachableError(f"none of {len(self._urls)} monitors gave a payload")
