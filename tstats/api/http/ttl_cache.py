"""Async TTL cache with request coalescing and stale-if-error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from tstats.errors import UnreachableError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _CacheEntry(NamedTuple, Generic[Value]):
    fetched: float
    value: Value


class TtlCache(Generic[Key, Value]):
    """Values by key, for one event loop. The age of a value counts from when it was asked for.

    Args:
        ttl: seconds for which a value is valid.
        stale_ttl: seconds after that for which it is still used if it cannot be fetched again.
        max_entries: the most values kept; the oldest are evicted.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        ttl: float,
        stale_ttl: float = 0.0,
        max_entries: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl = ttl
        self._stale_ttl = stale_ttl
        self._max_entries = max_entries
        self._clock = clock
        self._entries: dict[Key, _CacheEntry[Value]] = {}  # oldest first
        self._fetches: dict[Key, asyncio.Task[Value]] = {}

    def __len__(self) -> int:
        """Return the number of values kept, expired ones included."""
        return len(self._entries)

    def peek(self, key: Key) -> Value | None:
        """Return the value if it is valid now, None otherwise."""
        entry = self._entries.get(key)
        return entry.value if entry and self._clock() < entry.fetched + self._ttl else None

    def put(self, key: Key, value: Value, *, fetched: float | None = None) -> None:
        """Store a value that was asked for at `fetched`, by default now."""
        now = self._clock()
        self._entries.pop(key, None)
        self._entries[key] = _CacheEntry(now if fetched is None else fetched, value)
        lifetime = self._ttl + self._stale_ttl
        oldest = next(iter(self._entries))
        while len(self._entries) > self._max_entries or self._entries[oldest].fetched + lifetime <= now:
            del self._entries[oldest]
            if not self._entries:
                return
            oldest = next(iter(self._entries))

    def discard(self, key: Key) -> None:
        """Remove a value."""
        self._entries.pop(key, None)

    async def get(self, key: Key, fetch: Callable[[], Awaitable[Value]]) -> Value:
        """Return the valid value, or else fetch it; concurrent callers of one key share one fetch.

        Failures are not cached. A caller that is cancelled does not cancel the fetch for the others.

        Raises:
            TstatsError: what `fetch` raises, except `UnreachableError` while a stale value can be used.
        """
        entry = self._entries.get(key)
        if entry and self._clock() < entry.fetched + self._ttl:
            return entry.value
        task = self._fetches.get(key)
        if task is None:
            task = self._fetches[key] = asyncio.ensure_future(self._fetch(key, fetch))
            # Retrieve the exception, or asyncio complains when every caller has gone away.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            return await asyncio.shield(task)
        except UnreachableError:
            if entry and self._clock() < entry.fetched + self._ttl + self._stale_ttl:
                return entry.value
            raise

    async def aclose(self) -> None:
        """Cancel the fetches in progress."""
        tasks = list(self._fetches.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, key: Key, fetch: Callable[[], Awaitable[Value]]) -> Value:
        asked = self._clock()
        try:
            value = await fetch()
            self.put(key, value, fetched=asked)
            return value
        finally:
            del self._fetches[key]
