"""A timer is due once per interval, at the given first time, and recovers when the clock is set back."""

from hypothesis import given
from hypothesis import strategies as st

from tstats.daemon.schedule import Timer

INTERVAL = 10
times = st.integers(1_000, 2_000)


def test_it_is_due_at_the_first_time_and_then_an_interval_after_each_time() -> None:
    timer = Timer(INTERVAL, due=100)
    due = [now for now in range(95, 140, 3) if timer.is_due(now)]
    assert due == [101, 113, 125, 137]


def test_an_aligned_timer_is_due_at_multiples_of_the_interval() -> None:
    timer = Timer(INTERVAL, due=0, aligned=True)
    timer.restart(95)
    due = [now for now in range(95, 140) if timer.is_due(now)]
    assert due == [100, 110, 120, 130]


@given(times, st.integers(1, 50))
def test_a_timer_that_was_asked_too_late_is_due_once_and_not_for_each_missed_time(
    now: int, late: int
) -> None:
    timer = Timer(INTERVAL, due=now)
    assert timer.is_due(now + late)
    assert not timer.is_due(now + late)


@given(times, st.integers(0, 1_000), st.booleans())
def test_after_a_clock_was_set_back_it_is_due_within_an_interval(now: int, back: int, aligned: bool) -> None:  # noqa: FBT001 (drawn)
    timer = Timer(INTERVAL, due=now, aligned=aligned)
    timer.restart(now)
    assert any(timer.is_due(moment) for moment in range(now - back, now - back + INTERVAL + 1))


def test_it_can_be_restarted_with_another_interval() -> None:
    timer = Timer(INTERVAL, due=0)
    timer.restart(100, 3)
    assert [now for now in range(100, 110) if timer.is_due(now)] == [103, 106, 109]
