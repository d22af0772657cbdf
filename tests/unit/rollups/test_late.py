"""Which points count as late, and when their windows are handed out."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from tstats.catalog import CACHE_STATS, DAILY_STATS
from tstats.core.time import HOUR, MINUTE, SECOND
from tstats.core.windows import Window
from tstats.rollups.late import LateWindows

NOW = 1_795_000_020 * SECOND  # a whole minute


def late_at(*moments: int) -> LateWindows:
    """Late windows by a clock that shows the moments in turn, the last one from then on."""
    waiting = list(moments)
    return LateWindows(clock=lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0])


def minutes(start: int, end: int) -> Window:
    """The window from `start` to `end` minutes after NOW."""
    return Window(start=NOW + start * MINUTE, end=NOW + end * MINUTE)


def test_a_batch_that_the_next_run_of_the_continuous_query_covers_is_not_late() -> None:
    late = late_at(NOW + 30 * SECOND, NOW + HOUR)
    late.add(CACHE_STATS, minutes(-1, 1))
    assert late.take() == []


def test_only_the_part_before_that_run_is_late() -> None:
    batch = Window(start=NOW - 20 * MINUTE + SECOND, end=NOW + 1)
    unsettled = late_at(NOW + 30 * SECOND)
    unsettled.add(CACHE_STATS, batch)
    assert unsettled.take() == []  # its newest minute has not settled
    settled = late_at(NOW + 30 * SECOND, NOW + HOUR)
    settled.add(CACHE_STATS, batch)
    assert settled.take() == [(CACHE_STATS, minutes(-20, -1))]


def test_a_window_is_widened_to_whole_minutes() -> None:
    late = late_at(NOW)
    late.add(CACHE_STATS, Window(start=NOW - 30 * MINUTE + 1, end=NOW - 29 * MINUTE))
    assert late.take() == [(CACHE_STATS, minutes(-30, -29))]
    late.add(CACHE_STATS, Window(start=NOW - 30 * MINUTE, end=NOW - 29 * MINUTE + 1))
    assert late.take() == [(CACHE_STATS, minutes(-30, -28))]


def test_a_database_without_rollups_has_nothing_to_repair() -> None:
    late = late_at(NOW)
    late.add(DAILY_STATS, minutes(-60, -59))
    assert late.take() == []


def test_windows_that_were_taken_are_forgotten_unless_given_back() -> None:
    late = late_at(NOW)
    late.add(CACHE_STATS, minutes(-60, -59))
    (taken,) = late.take()
    assert late.take() == []
    late.give_back(*taken)
    assert late.take() == [taken]


@given(st.lists(st.tuples(st.integers(10, 500), st.integers(1, 60)), min_size=1, max_size=30))
def test_every_late_point_lies_in_one_window(batches: list[tuple[int, int]]) -> None:
    late = late_at(NOW)
    added = [minutes(-age - length, -age) for age, length in batches]
    for window in added:
        late.add(CACHE_STATS, window)
    taken = [window for _, window in late.take()]
    for window in added:
        assert sum(whole.start <= window.start and window.end <= whole.end for whole in taken) == 1


def test_threads_may_share_it() -> None:
    late = late_at(NOW)

    def add(first: int) -> None:
        for age in range(first + 10, 410, 8):
            late.add(CACHE_STATS, minutes(-age, 1 - age))

    threads = [threading.Thread(target=add, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert late.take() == [(CACHE_STATS, minutes(-409, -9))]
