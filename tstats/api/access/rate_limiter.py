"""A bound on what is asked of another server: at once, waiting, and a second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tstats.errors import UnreachableError


class Gate:
    """Lets questions through; for one event loop.

    Args:
        at_once: so many at the same time.
        waiting: so many more wait for their turn.
        burst: so many without a pause.
        a_second: so many come back to the burst each second.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        burst: float,
        a_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._free = at_once + waiting
        self._burst = self._left = float(burst)
        self._a_second = a_second
        self._clock = clock
        self._since = clock()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """A question is asked in this block.

        Raises:
            UnreachableError: at once, when there are too many.
        """
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._since) * self._a_second)
        self._since = now
        if self._free < 1 or self._left < 1:
            raise UnreachableError("too many questions at this moment; ask again in some seconds")
        self._left -= 1
        self._free -= 1
        try:
            async with self._turns:
                yield
        finally:
            self._free += 1
