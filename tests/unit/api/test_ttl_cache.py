"""A memory of answers: who asks meanwhile waits with the others, and everything in it ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.clock import Clock
from tstats.api.access.rate_limiter import Gate
from tstats.api.http.ttl_cache import Remembered
from tstats.errors import RefusedError, UnreachableError

pytestmark = pytest.mark.anyio


class Source:
    """Answers with how often it was asked, when it is let; or fails."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> int:
        self.asked += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return self.asked


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(1000.0)


async def test_an_answer_is_believed_for_its_time(clock: Clock[float]) -> None:
    memory, source = Remembered[str, int](seconds=30, clock=clock), Source()
    assert await memory.get("a", source) == 1
    clock.now += 29.9
    assert (await memory.get("a", source), memory.known("a")) == (1, 1)
    clock.now += 0.2
    assert memory.known("a") is None
    assert await memory.get("a", source) == 2


async def test_its_age_counts_from_the_question(clock: Clock[float]) -> None:
    memory, source = Remembered[str, int](seconds=30, clock=clock), Source()
    source.open.clear()
    asking = asyncio.ensure_future(memory.get("a", source))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += 20
    source.open.set()
    await asking
    clock.now += 11
    assert memory.known("a") is None


async def test_all_who_ask_meanwhile_get_one_answer_even_when_the_first_goes_away(
    clock: Clock[float],
) -> None:
    memory, source = Remembered[str, int](seconds=30, clock=clock), Source()
    source.open.clear()
    asking = [asyncio.ensure_future(memory.get("a", source)) for _ in range(20)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 19
    assert asking[0].cancelled()
    assert source.asked == 1


async def test_a_failure_is_told_to_all_and_not_remembered(clock: Clock[float]) -> None:
    memory, source = Remembered[str, int](seconds=30, clock=clock), Source()
    source.error = RefusedError("no", status=401)
    results = await asyncio.gather(*(memory.get("a", source) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [RefusedError] * 3
    assert source.asked == 1
    source.error = None
    assert await memory.get("a", source) == 2


@pytest.mark.parametrize(
    ("age", "error", "counts"),
    [
        (70, UnreachableError("down"), True),
        (91, UnreachableError("down"), False),
        (70, RefusedError("no", status=401), False),
    ],
)
async def test_an_old_answer_counts_for_a_while_when_nobody_can_be_asked(
    clock: Clock[float], age: float, error: Exception, *, counts: bool
) -> None:
    memory, source = Remembered[str, int](seconds=60, stale=30, clock=clock), Source()
    await memory.get("a", source)
    clock.now += age
    source.error = error
    if counts:
        assert await memory.get("a", source) == 1
    else:
        with pytest.raises(type(error)):
            await memory.get("a", source)
    assert source.asked == 2


async def test_it_holds_no_more_than_it_may_and_lets_old_ones_go(clock: Clock[float]) -> None:
    memory = Remembered[int, int](seconds=30, most=3, clock=clock)
    for number in range(5):
        memory.keep(number, number)
    assert [memory.known(number) for number in range(5)] == [None, None, 2, 3, 4]
    clock.now += 30
    memory.keep(9, 9)
    assert len(memory) == 1
    memory.forget(9)
    assert (len(memory), memory.known(9)) == (0, None)


async def test_closing_ends_the_questions(clock: Clock[float]) -> None:
    memory, source = Remembered[str, int](seconds=30, clock=clock), Source()
    source.open.clear()
    asking = asyncio.ensure_future(memory.get("a", source))
    await asyncio.sleep(0)
    await memory.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asking


# --- the gate


async def test_a_gate_lets_so_many_through_at_once_and_so_many_wait(clock: Clock[float]) -> None:
    gate = Gate(at_once=2, waiting=1, burst=100, a_second=1, clock=clock)
    inside, leave = 0, asyncio.Event()

    async def pass_it() -> None:
        nonlocal inside
        async with gate.passing():
            inside += 1
            await leave.wait()

    passing = [asyncio.ensure_future(pass_it()) for _ in range(3)]
    await asyncio.sleep(0)
    assert inside == 2
    with pytest.raises(UnreachableError, match="too many questions"):
        await pass_it()
    leave.set()
    await asyncio.gather(*passing)
    assert inside == 3
    await pass_it()


async def test_a_gate_lets_so_many_through_in_a_time(clock: Clock[float]) -> None:
    gate = Gate(at_once=9, waiting=9, burst=5, a_second=2, clock=clock)

    async def passed(tries: int) -> int:
        results = await asyncio.gather(*(_through(gate) for _ in range(tries)), return_exceptions=True)
        return results.count(None)

    assert await passed(8) == 5
    clock.now += 1.5
    assert await passed(8) == 3
    clock.now += 3600
    assert await passed(8) == 5


async def _through(gate: Gate) -> None:
    async with gate.passing():
        await asyncio.sleep(0)


async def test_who_gives_up_waiting_frees_the_place(clock: Clock[float]) -> None:
    gate = Gate(at_once=1, waiting=1, burst=100, a_second=1, clock=clock)
    leave = asyncio.Event()

    async def pass_it(until: Callable[[], Awaitable[object]]) -> None:
        async with gate.passing():
            await until()

    first = asyncio.ensure_future(pass_it(leave.wait))
    waiting = asyncio.ensure_future(pass_it(leave.wait))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    other = asyncio.ensure_future(pass_it(leave.wait))
    await asyncio.sleep(0)
    leave.set()
    await asyncio.gather(first, other)
