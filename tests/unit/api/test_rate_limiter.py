"""The rate limiter: in parallel, in the queue, and per second."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.clock import Clock
from tstats.api.access.rate_limiter import RateLimiter
from tstats.errors import UnreachableError

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(1000.0)


async def test_it_limits_the_requests_in_parallel_and_in_the_queue(clock: Clock[float]) -> None:
    limiter = RateLimiter(parallel=2, waiting=1, burst=100, per_second=1, clock=clock)
    inside, leave = 0, asyncio.Event()

    async def send() -> None:
        nonlocal inside
        async with limiter.slot():
            inside += 1
            await leave.wait()

    sending = [asyncio.ensure_future(send()) for _ in range(3)]
    await asyncio.sleep(0)
    assert inside == 2
    with pytest.raises(UnreachableError, match="too many requests"):
        await send()
    leave.set()
    await asyncio.gather(*sending)
    assert inside == 3
    await send()


async def test_it_limits_the_requests_per_second(clock: Clock[float]) -> None:
    limiter = RateLimiter(parallel=9, waiting=9, burst=5, per_second=2, clock=clock)

    async def allowed(tries: int) -> int:
        results = await asyncio.gather(*(_send(limiter) for _ in range(tries)), return_exceptions=True)
        return results.count(None)

    assert await allowed(8) == 5
    clock.now += 1.5
    assert await allowed(8) == 3
    clock.now += 3600
    assert await allowed(8) == 5


async def _send(limiter: RateLimiter) -> None:
    async with limiter.slot():
        await asyncio.sleep(0)


async def test_a_cancelled_request_frees_its_place_in_the_queue(clock: Clock[float]) -> None:
    limiter = RateLimiter(parallel=1, waiting=1, burst=100, per_second=1, clock=clock)
    leave = asyncio.Event()

    async def send(wait: Callable[[], Awaitable[object]]) -> None:
        async with limiter.slot():
            await wait()

    first = asyncio.ensure_future(send(leave.wait))
    waiting = asyncio.ensure_future(send(leave.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    other = asyncio.ensure_future(send(leave.wait))
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(first, other)
