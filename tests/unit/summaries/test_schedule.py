"""When a daemon checks the days again."""

import pytest

from tstats.core.time import DAY, HOUR, MINUTE, SECOND
from tstats.summaries.schedule import Schedule

SETTLING = 10 * MINUTE
NOON = 20_000 * DAY + 12 * HOUR


@pytest.fixture
def schedule() -> Schedule:
    return Schedule(SETTLING)


def test_the_first_check_is_due_at_once_and_includes_everything(schedule: Schedule) -> None:
    assert schedule.is_due(NOON)
    assert schedule.is_everything_due(NOON)


def test_fresh_days_are_checked_every_ten_minutes_and_all_days_when_one_settles(schedule: Schedule) -> None:
    schedule.record(NOON, everything=True, ok=True)
    assert not schedule.is_due(NOON + 10 * MINUTE - 1)
    assert schedule.is_due(NOON + 10 * MINUTE)
    settles = 20_001 * DAY + SETTLING
    assert not schedule.is_everything_due(settles - 1)
    assert schedule.is_everything_due(settles)


def test_no_check_is_later_than_the_next_day_settles(schedule: Schedule) -> None:
    settles = 20_001 * DAY + SETTLING
    schedule.record(settles - MINUTE, everything=False, ok=True)
    assert not schedule.is_due(settles - SECOND)
    assert schedule.is_due(settles)


def test_failures_in_a_row_double_the_wait_up_to_ten_minutes(schedule: Schedule) -> None:
    now, waits = NOON, []
    for _ in range(6):
        schedule.record(now, everything=True, ok=False)
        wait = next(minutes for minutes in range(1, 20) if schedule.is_due(now + minutes * MINUTE))
        assert schedule.is_everything_due(now + wait * MINUTE)
        waits.append(wait)
        now += wait * MINUTE
    assert waits == [1, 2, 4, 8, 10, 10]
    schedule.record(now, everything=True, ok=True)
    schedule.record(now + HOUR, everything=False, ok=False)
    assert schedule.is_due(now + HOUR + MINUTE)


def test_a_clock_that_was_set_back_makes_a_check_due(schedule: Schedule) -> None:
    schedule.record(NOON, everything=True, ok=True)
    assert schedule.is_due(NOON - SECOND)
    assert schedule.is_everything_due(NOON - SECOND)
