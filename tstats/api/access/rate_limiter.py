"""A limit on the requests to another server: in parallel, waiting, and per second."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tstats.errors import UnreachableError


class RateLimiter:
    """A token bucket with a limit on parallel requests and a bounded queue, for one event loop.

    Args:
        parallel: the most requests at the same time.
        waiting: the most requests that wait for their turn.
        burst: the most requests without a pause.
        per_second: the requests per second by which the burst recovers.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        *,
        parallel: int,
        waiting: int,
        burst: float,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = asyncio.Semaphore(parallel)
        self._places = parallel + waiting
        self._burst = self._tokens = float(burst)
        self._per_second = per_second
        self._clock = clock
        self._refilled = clock()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for the turn of the request that is sent inside this context.

        Raises:
            UnreachableError: immediately, if there are too many requests.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled) * self._per_second)
        self._refilled = now
        if self._places < 1 or self._tokens < 1:
            raise UnreachableError("too many requests right now; try again in a few seconds")
        self._tokens -= 1
        self._places -= 1
        try:
            async with self._slots:
                yield
        finally:
            self._places += 1
