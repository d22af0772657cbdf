"""Retries are bounded in number and time, each is reported, and a refusal is not retried."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.support.clock import Clock
from tstats.errors import ConfigError, RefusedError, ServerError, TstatsError, UnreachableError
from tstats.transport.retry import ONCE, RetryPolicy


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock[float]:
    clock = Clock(0.0)
    monkeypatch.setattr(threading.Event, "wait", lambda event, timeout=None: clock.wait(event, timeout))
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


@dataclass
class Flaky:
    """A function that raises `error` in its first `failures` calls; each call takes `seconds`."""

    failures: int
    error: Callable[[], Exception] = lambda: UnreachableError("http://x cannot be reached")
    clock: Clock[float] | None = None
    seconds: float = 0.0
    calls: int = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.clock is not None:
            self.clock.now += self.seconds
        if self.calls <= self.failures:
            raise self.error()
        return "answer"


@dataclass
class Shown:
    """An `on_retry` that records its calls."""

    lines: list[tuple[str, int, str, float]] = field(default_factory=list)

    def __call__(self, what: str, *, attempt: int, error: Exception, wait: float) -> None:
        self.lines.append((what, attempt, str(error), wait))


def test_a_result_of_the_first_attempt_is_returned_without_a_wait(clock: Clock[float]) -> None:
    assert RetryPolicy().call("ping", Flaky(failures=0)) == "answer"
    assert clock.waits == []


def test_it_retries_until_there_is_a_result(clock: Clock[float]) -> None:
    flaky = Flaky(failures=3)
    assert RetryPolicy(retries=5).call("ping", flaky) == "answer"
    assert flaky.calls == 4
    assert len(clock.waits) == 3


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_the_attempts_are_bounded_and_the_last_failure_is_raised(clock: Clock[float], retries: int) -> None:
    flaky = Flaky(failures=99)
    with pytest.raises(UnreachableError, match="http://x cannot be reached"):
        RetryPolicy(retries=retries).call("ping", flaky)
    assert flaky.calls == retries + 1
    assert len(clock.waits) == retries


def test_the_time_is_bounded_whatever_the_number_of_retries(clock: Clock[float]) -> None:
    flaky = Flaky(failures=10**6, clock=clock, seconds=3.0)
    with pytest.raises(UnreachableError):
        RetryPolicy(retries=10**6, seconds=60.0).call("ping", flaky)
    assert 45.0 < clock.now < 60.0 + 3.0  # no attempt begins after 60 s; the last one takes 3 s
    assert flaky.calls < 20


def test_the_waits_double_up_to_the_longest(clock: Clock[float]) -> None:
    policy = RetryPolicy(retries=8, seconds=1000.0, first_wait=0.25, longest_wait=4.0)
    with pytest.raises(UnreachableError):
        policy.call("ping", Flaky(failures=99))
    for number, wait in enumerate(clock.waits):
        assert min(4.0, 0.25 * 2**number) <= wait <= min(4.0, 0.25 * 2**number + 0.25)


def test_each_retry_is_reported_before_its_wait(clock: Clock[float]) -> None:
    shown = Shown()
    RetryPolicy(on_retry=shown).call("ping at http://x", Flaky(failures=2))
    assert [line[:3] for line in shown.lines] == [
        ("ping at http://x", 1, "http://x cannot be reached"),
        ("ping at http://x", 2, "http://x cannot be reached"),
    ]
    assert [line[3] for line in shown.lines] == clock.waits


def test_the_last_failure_is_not_reported_as_a_retry(clock: Clock[float]) -> None:
    shown = Shown()
    with pytest.raises(UnreachableError):
        RetryPolicy(retries=1, on_retry=shown).call("ping", Flaky(failures=9))
    assert len(shown.lines) == len(clock.waits) == 1


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("no", status=401),
        RefusedError("no", status=403),
        RefusedError("error parsing query"),
        ServerError("InfluxDB 2"),
        ConfigError("no URL"),
        TstatsError("?"),
        ZeroDivisionError("a bug"),
    ],
    ids=repr,
)
def test_a_permanent_failure_is_not_retried(clock: Clock[float], error: Exception) -> None:
    flaky = Flaky(failures=9, error=lambda: error)
    with pytest.raises(type(error)) as caught:
        RetryPolicy(retries=5).call("ping", flaky)
    assert caught.value is error
    assert flaky.calls == 1
    assert clock.waits == []


def test_once_makes_one_attempt(clock: Clock[float]) -> None:
    flaky = Flaky(failures=9)
    with pytest.raises(UnreachableError):
        ONCE.call("ping", flaky)
    assert flaky.calls == 1
    assert clock.waits == []


def test_the_stop_event_ends_the_retries(clock: Clock[float]) -> None:
    stop = threading.Event()
    stop.set()
    flaky = Flaky(failures=9)
    with pytest.raises(UnreachableError):
        RetryPolicy(retries=5, stop=stop).call("ping", flaky)
    assert flaky.calls == 1
    assert clock.waits == []
