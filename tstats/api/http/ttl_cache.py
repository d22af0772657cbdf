"""A bounded memory of answers: asked for once, however many want them, and believed for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from tstats.errors import UnreachableError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class _Kept(NamedTuple, Generic[Value]):
    asked: float
    value: Value


class Remembered(Generic[Key, Value]):
    """Answers by key, for one event loop. Their age counts from the question, not from the answer.

    Args:
        seconds: an answer is believed for so long.
        stale: for so long after that it still counts when it cannot be asked for anew.
        most: answers kept; the oldest go.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        seconds: float,
        stale: float = 0.0,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._stale = stale
        self._most = most
        self._clock = clock
        self._kept: dict[Key, _Kept[Value]] = {}  # oldest first
        self._flights: dict[Key, asyncio.Task[Value]] = {}

    def __len__(self) -> int:
        """How many answers are kept."""
        return len(self._kept)

    def known(self, key: Key) -> Value | None:
        """What is believed now, None when nothing is."""
        kept = self._kept.get(key)
        return kept.value if kept and self._clock() < kept.asked + self._seconds else None

    def keep(self, key: Key, value: Value, *, asked: float | None = None) -> None:
        """Believe an answer from now on, or from when it was asked for."""
        now = self._clock()
        self._kept.pop(key, None)
        self._kept[key] = _Kept(now if asked is None else asked, value)
        oldest = next(iter(self._kept))
        while len(self._kept) > self._most or self._kept[oldest].asked + self._seconds + self._stale <= now:
            del self._kept[oldest]
            if not self._kept:
                return
            oldest = next(iter(self._kept))

    def forget(self, key: Key) -> None:
        """Believe it no longer."""
        self._kept.pop(key, None)

    async def get(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        """What is believed, or else what `ask` gives; who wants the same meanwhile waits for the same answer.

        A failure is nothing to be remembered. Who goes away does not end the question of the others.

        Raises:
            TstatsError: what `ask` raises; not `UnreachableError` while a stale answer counts.
        """
        kept = self._kept.get(key)
        if kept and self._clock() < kept.asked + self._seconds:
            return kept.value
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(self._fly(key, ask))
            flight.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, if by nobody
        try:
            return await asyncio.shield(flight)
        except UnreachableError:
            if kept and self._clock() < kept.asked + self._seconds + self._stale:
                return kept.value
            raise

    async def aclose(self) -> None:
        """End the questions that are under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fly(self, key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
        asked = self._clock()
        try:
            value = await ask()
            self.keep(key, value, asked=asked)
            return value
        finally:
            del self._flights[key]
