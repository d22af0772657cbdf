"""The TTL cache: lifetimes, shared fetches, and stale values."""

import asyncio

import pytest

from tests.support.clock import Clock
from tstats.api.http.ttl_cache import TtlCache
from tstats.errors import RefusedError, UnreachableError

pytestmark = pytest.mark.anyio


class Source:
    """Returns how often it was called, as soon as it is open; or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> int:
        self.calls += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.calls


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(1000.0)


async def test_a_value_is_valid_for_its_ttl(clock: Clock[float]) -> None:
    cache, source = TtlCache[str, int](ttl=30, clock=clock), Source()
    assert await cache.get("a", source) == 1
    clock.now += 29.9
    assert (await cache.get("a", source), cache.peek("a")) == (1, 1)
    clock.now += 0.2
    assert cache.peek("a") is None
    assert await cache.get("a", source) == 2


async def test_the_age_of_a_value_counts_from_the_start_of_its_fetch(clock: Clock[float]) -> None:
    cache, source = TtlCache[str, int](ttl=30, clock=clock), Source()
    source.open.clear()
    caller = asyncio.ensure_future(cache.get("a", source))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 20
    source.open.set()
    await caller
    clock.now += 11
    assert cache.peek("a") is None


async def test_concurrent_callers_share_a_fetch_even_if_the_first_one_is_cancelled(
    clock: Clock[float],
) -> None:
    cache, source = TtlCache[str, int](ttl=30, clock=clock), Source()
    source.open.clear()
    callers = [asyncio.ensure_future(cache.get("a", source)) for _ in range(20)]
    await asyncio.sleep(0)
    callers[0].cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*callers[1:]) == [1] * 19
    assert callers[0].cancelled()
    assert source.calls == 1


async def test_a_failure_reaches_every_caller_and_is_not_cached(clock: Clock[float]) -> None:
    cache, source = TtlCache[str, int](ttl=30, clock=clock), Source()
    source.error = RefusedError("no", status=401)
    results = await asyncio.gather(*(cache.get("a", source) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [RefusedError] * 3
    assert source.calls == 1
    source.error = None
    assert await cache.get("a", source) == 2


@pytest.mark.parametrize(
    ("age", "error", "used"),
    [
        (70, UnreachableError("down"), True),
        (91, UnreachableError("down"), False),
        (70, RefusedError("no", status=401), False),
    ],
)
async def test_a_stale_value_is_used_for_a_while_if_the_source_is_unreachable(
    clock: Clock[float], age: float, error: Exception, *, used: bool
) -> None:
    cache, source = TtlCache[str, int](ttl=60, stale_ttl=30, clock=clock), Source()
    await cache.get("a", source)
    clock.now += age
    source.error = error
    if used:
        assert await cache.get("a", source) == 1
    else:
        with pytest.raises(type(error)):
            await cache.get("a", source)
    assert source.calls == 2


async def test_it_evicts_the_oldest_and_the_expired_values(clock: Clock[float]) -> None:
    cache = TtlCache[int, int](ttl=30, max_entries=3, clock=clock)
    for number in range(5):
        cache.put(number, number)
    assert [cache.peek(number) for number in range(5)] == [None, None, 2, 3, 4]
    clock.now += 30
    cache.put(9, 9)
    assert len(cache) == 1
    cache.discard(9)
    assert (len(cache), cache.peek(9)) == (0, None)


async def test_closing_cancels_the_fetches(clock: Clock[float]) -> None:
    cache, source = TtlCache[str, int](ttl=30, clock=clock), Source()
    source.open.clear()
    caller = asyncio.ensure_future(cache.get("a", source))
    await asyncio.sleep(0)
    await cache.aclose()
    with pytest.raises(asyncio.CancelledError):
        await caller
