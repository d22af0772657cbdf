"""Windows partition time exactly."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.core.time import DAY, EARLIEST, HOUR, LATEST, format_time
from tstats.core.windows import SHARD_ORIGIN, Window, cut_at_edges, partition, runs

moments = st.integers(min_value=EARLIEST, max_value=LATEST)
near = st.integers(min_value=-400, max_value=400)


@st.composite
def windows(draw: st.DrawFn, bounds: st.SearchStrategy[int] = moments) -> Window:
    start, end = sorted(draw(st.lists(bounds, min_size=2, max_size=2, unique=True)))
    return Window(start=start, end=end)


def assert_partition(pieces: list[Window], whole: Window) -> None:
    assert pieces[0].start == whole.start
    assert pieces[-1].end == whole.end
    assert all(piece.end == following.start for piece, following in pairwise(pieces))


@given(window=windows(near), length=st.integers(min_value=1, max_value=300), origin=near)
def test_a_partition_covers_the_window_exactly_and_is_cut_at_multiples_of_the_length(
    window: Window, length: int, origin: int
) -> None:
    pieces = list(partition(window, length, origin=origin))
    assert_partition(pieces, window)
    assert all((piece.end - origin) % length == 0 for piece in pieces[:-1])
    assert all(piece.length <= length for piece in pieces)


@given(window=windows())
def test_halves_add_up_to_the_window(window: Window) -> None:
    halves = list(window.halves())
    assert_partition(halves, window)
    assert len(halves) == (1 if window.length == 1 else 2)


def test_halves_are_cut_at_a_whole_hour_where_possible() -> None:
    first, second = Window(start=HOUR // 2, end=5 * HOUR).halves()
    assert first.end % HOUR == 0
    assert second.end == 5 * HOUR


@given(within=windows(near), extents=st.lists(windows(near), max_size=6), longest=st.integers(1, 200))
def test_stretches_are_the_moments_of_the_extents_and_cross_no_edge(
    within: Window, extents: list[Window], longest: int
) -> None:
    found = cut_at_edges(within, extents, longest=longest)
    covered = [moment for part in found for moment in range(part.start, part.end)]
    assert covered == [
        moment
        for moment in range(within.start, within.end)
        if any(extent.start <= moment < extent.end for extent in extents)
    ]
    edges = {edge for extent in extents for edge in (extent.start, extent.end)}
    assert not any(part.start < edge < part.end for part in found for edge in edges)
    assert all(part.length <= longest for part in found)


def test_shards_of_a_week_begin_on_mondays() -> None:
    thursday = Window(start=0, end=14 * DAY)
    starts = [piece.start for piece in partition(thursday, 7 * DAY, origin=SHARD_ORIGIN)]
    days = [datetime.fromtimestamp(start / 1e9, UTC).strftime("%a %Y-%m-%d") for start in starts]
    assert days == ["Thu 1970-01-01", "Mon 1970-01-05", "Mon 1970-01-12"]


@given(st.sets(st.integers(-20, 20)))
def test_runs_join_neighbours(places: set[int]) -> None:
    found = runs((place * HOUR for place in places), step=HOUR)
    assert all(run.end < following.start for run, following in pairwise(found))
    assert {start // HOUR for run in found for start in range(run.start, run.end, HOUR)} == places


@given(moments)
def test_a_time_is_formatted_according_to_the_calendar(moment: int) -> None:
    day = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment // 10**9)
    text = format_time(moment)
    assert text.startswith(day.strftime("%Y-%m-%dT%H:%M:%S"))
    assert text.endswith(f".{moment % 10**9:09d}Z" if moment % 10**9 else f"{day:%S}Z")


def test_an_empty_window_is_invalid() -> None:
    with pytest.raises(ValueError, match="must end after its start"):
        Window(start=5, end=5)
    with pytest.raises(ValueError, match="invalid length"):
        list(partition(Window(start=0, end=1), 0))
