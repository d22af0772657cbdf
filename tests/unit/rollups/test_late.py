"""Which batches count as late, and when their windows are given out."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from tstats.catalog import CACHE_STATS, DAILY_STATS
from tstats.core.time import HOUR, MINUTE, SECOND
from tstats.core.windows import Window
from tstats.rollups.late import LateWindows

NOW = 1_795_000_020 * SECOND  # a whole minute


def late_at(now: int) -> LateWindows:
    return LateWindows(clock=lambda: now / 1e9)


def test_a_batch_that_the_next_run_of_the_continuous_query_sees_is_not_late() -> None:
    late = LateWindows(clock=iter([(NOW + 30 * SECOND) / 1e9, (NOW + HOUR) / 1e9]).__next__)
    late.add(CACHE_STATS, Window(start=NOW - MINUTE, end=NOW + 1))
    assert late.take() == []  # even an hour later


def test_of_a_batch_only_the_part_out_of_its_sight_is_late() -> None:
    late = late_at(NOW + 30 * SECOND)
    late.add(CACHE_STATS, Window(start=NOW - 20 * MINUTE + SECOND, end=NOW + 1))
    assert late.take() == []  # its newest minute has not settled
    later = LateWindows(clock=iter([(NOW + 30 * SECOND) / 1e9, (NOW + HOUR) / 1e9]).__next__)
    later.add(CACHE_STATS, Window(start=NOW - 20 * MINUTE + SECOND, end=NOW + 1))
    assert later.take() == [(CACHE_STATS, Window(start=NOW - 20 * MINUTE, end=NOW - MINUTE))]


def test_a_database_without_rollups_has_nothing_to_repair() -> None:
    late = late_at(NOW)
    late.add(DAILY_STATS, Window(start=0, end=1))
    assert late.take() == []


def test_what_is_taken_is_forgotten_unless_it_is_given_back() -> None:
    late = late_at(NOW)
    late.add(CACHE_STATS, Window(start=NOW - HOUR, end=NOW - HOUR + 1))
    (taken,) = late.take()
    assert late.take() == []
    late.give_back(*taken)
    assert late.take() == [taken]


@given(st.lists(st.tuples(st.integers(10, 500), st.integers(0, 60)), min_size=1, max_size=30))
def test_every_late_point_lies_in_one_window(batches: list[tuple[int, int]]) -> None:
    late = late_at(NOW)
    spans = [(NOW - (age + length) * MINUTE, NOW - age * MINUTE) for age, length in batches]
    for oldest, newest in spans:
        late.add(CACHE_STATS, Window(start=oldest, end=newest + 1))
    windows = [window for _, window in late.take()]
    for oldest, newest in spans:
        assert sum(window.start <= oldest and newest < window.end for window in windows) == 1


def test_threads_may_share_it() -> None:
    late = late_at(NOW)

    def add(first: int) -> None:
        for minute in range(first, 400, 8):
            moment = NOW - (minute + 10) * MINUTE
            late.add(CACHE_STATS, Window(start=moment, end=moment + 1))

    threads = [threading.Thread(target=add, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late.take() == [
        (CACHE_STATS, Window(start=NOW - 409 * MINUTE, end=NOW - 9 * MINUTE)),
    ]
