"""Which windows are checked and repaired, in what order and in what pieces."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.catalog import DATABASES, RAW_RETENTION, ROLLUPS, ROLLUPS_BY_NAME
from tstats.core.model import Rollup
from tstats.core.time import DAY, EARLIEST, HOUR, INFINITE, MINUTE, SECOND
from tstats.core.windows import Window
from tstats.errors import ConfigError
from tstats.rollups import plan

MEAN, SUM, MAX = (
    ROLLUPS_BY_NAME["bandwidth_1min"],
    ROLLUPS_BY_NAME["bandwidth_cdn_1min"],
    ROLLUPS_BY_NAME["max_kbps_ds_1day"],
)
NOW = 20_000 * DAY + 10 * HOUR + 30 * SECOND
KEPT = {
    (database.name, policy.name): policy.duration for database in DATABASES for policy in database.policies
}

rollups = st.sampled_from(ROLLUPS)
moments = st.integers(min_value=19_990 * DAY, max_value=20_010 * DAY)
windows = st.tuples(moments, st.integers(min_value=1, max_value=3 * DAY)).map(
    lambda pair: Window(start=pair[0], end=pair[0] + pair[1])
)


def test_rollups_are_chosen_by_name() -> None:
    assert plan.rollups_named(["bandwidth_cdn_1min", "bandwidth_1min", "bandwidth_cdn_1min"]) == (SUM, MEAN)
    assert plan.rollups_named([]) == ROLLUPS
    with pytest.raises(ConfigError, match=r"unknown rollup x, y; choose from bandwidth_1min, "):
        plan.rollups_named(["x", "bandwidth_1min", "y"])


@given(st.randoms(use_true_random=False))
def test_sources_come_before_their_dependents(chance: random.Random) -> None:
    shuffled = chance.sample(ROLLUPS, len(ROLLUPS))
    ordered = plan.sources_first(shuffled)
    assert sorted(rollup.name for rollup in ordered) == sorted(ROLLUPS_BY_NAME)
    for rollup in ordered:
        for other in plan.dependents(rollup, ordered):
            assert ordered.index(other) > ordered.index(rollup)


def test_dependents_in_the_catalog_follow_their_sources() -> None:
    found = plan.with_dependents([ROLLUPS_BY_NAME["kbps_ds_1min"], MEAN], ROLLUPS)
    assert [rollup.name for rollup in found] == [
        "bandwidth_1min",
        "kbps_ds_1min",
        "bandwidth_cdn_1min",
        "bandwidth_cdn_type_1min",
        "max_kbps_ds_1day",
    ]


def test_rollups_computed_from_each_other_are_an_error() -> None:
    def summed(name: str, source: str) -> Rollup:
        return Rollup(
            name=name,
            database="d",
            source_policy="p",
            source=source,
            target_policy="p",
            target=name,
            aggregate="sum",
            resample=MINUTE,
        )

    with pytest.raises(ValueError, match="computed from each other: a, b"):
        plan.sources_first([summed("a", "b"), summed("b", "a")])


@pytest.mark.parametrize(
    ("rollup", "before_now"),
    [
        # RESAMPLE FOR 2m: the minute that began 3 minutes ago was computed for the last time a minute ago.
        (MEAN, 2 * MINUTE),
        # RESAMPLE FOR 5m.
        (SUM, 5 * MINUTE),
        # Yesterday: its query recomputes it only at the next midnight, with the same result.
        (MAX, 10 * HOUR),
    ],
)
def test_the_newest_intervals_belong_to_the_continuous_query(rollup: Rollup, before_now: int) -> None:
    whole_minute = NOW // MINUTE * MINUTE
    assert plan.settled_until(rollup, NOW) == whole_minute - before_now


def test_a_day_settles_five_minutes_after_its_end() -> None:
    midnight = 20_000 * DAY
    assert plan.settled_until(MAX, midnight + 5 * MINUTE - 1) == midnight - DAY
    assert plan.settled_until(MAX, midnight + 5 * MINUTE) == midnight


@given(rollups, windows, moments, st.booleans())
def test_a_repairable_window_is_whole_intervals_that_are_settled_and_kept(
    rollup: Rollup,
    asked: Window,
    now: int,
    settled: bool,  # noqa: FBT001 (hypothesis fills positional parameters)
) -> None:
    part = plan.repairable_window(rollup, asked, now=now, durations=KEPT, settled=settled)
    if part is None:
        return
    assert part.start % rollup.interval == part.end % rollup.interval == 0
    assert part.end <= (plan.settled_until(rollup, now) if settled else now)
    for policy in (rollup.source_policy, rollup.target_policy):
        kept = KEPT[rollup.database, policy]
        assert kept == INFINITE or part.start >= now - kept + plan.EXPIRY_MARGIN
    # It reaches no further than the intervals in which the asked window starts and ends.
    assert part.start > asked.start - rollup.interval
    assert part.end < asked.end + rollup.interval


@given(rollups, windows, moments)
def test_every_interval_that_is_settled_kept_and_asked_for_is_repairable(
    rollup: Rollup, asked: Window, now: int
) -> None:
    part = plan.repairable_window(rollup, asked, now=now, durations=KEPT)
    first = max(asked.start // rollup.interval * rollup.interval, plan.kept_from(rollup, now, KEPT))
    if first < asked.end and first + rollup.interval <= plan.settled_until(rollup, now):
        assert part is not None
        assert part.start == first


def test_a_policy_that_keeps_forever_or_is_unknown_sets_no_bound() -> None:
    for durations in ({}, dict.fromkeys(KEPT, INFINITE)):
        assert plan.kept_from(MEAN, NOW, durations) - EARLIEST < MINUTE


def test_the_first_interval_that_has_not_begun_to_expire() -> None:
    assert plan.kept_from(MEAN, NOW, KEPT) == NOW // MINUTE * MINUTE + MINUTE - RAW_RETENTION + 10 * MINUTE
    # A day that has lost its first minute is not whole.
    assert plan.kept_from(MAX, NOW, KEPT) == 19_971 * DAY


@given(st.lists(windows, max_size=8), rollups)
def test_pieces_are_the_windows_in_order_and_bounded(given_windows: list[Window], rollup: Rollup) -> None:
    whole = [
        Window(
            start=window.start // rollup.interval * rollup.interval,
            end=(window.end // rollup.interval + 1) * rollup.interval,
        )
        for window in given_windows
    ]
    pieces = plan.pieces(rollup, whole)
    assert plan.merged(pieces) == plan.merged(whole)
    assert all(before.end <= after.start for before, after in itertools.pairwise(pieces))
    assert all(piece.length <= max(HOUR, 30 * rollup.interval) for piece in pieces)
    assert all(piece.start % rollup.interval == piece.end % rollup.interval == 0 for piece in pieces)


@given(st.lists(windows, max_size=8))
def test_merged_windows_neither_touch_nor_overlap(given_windows: list[Window]) -> None:
    merged = plan.merged(given_windows)
    assert all(before.end < after.start for before, after in itertools.pairwise(merged))
    for window in given_windows:
        assert sum(whole.start <= window.start and window.end <= whole.end for whole in merged) == 1


@given(rollups, moments, st.integers(min_value=1, max_value=90))
def test_halves_are_whole_intervals_down_to_a_single_one(rollup: Rollup, moment: int, number: int) -> None:
    start = moment // rollup.interval * rollup.interval
    window = Window(start=start, end=start + number * rollup.interval)
    parts = plan.halved(rollup, window)
    assert plan.merged(parts) == [window]
    assert len(parts) == (1 if number == 1 else 2)
    assert all(part.start % rollup.interval == part.end % rollup.interval == 0 for part in parts)


def test_a_window_within_a_minute_is_widened_to_the_whole_minute() -> None:
    asked = Window(start=NOW - HOUR, end=NOW - HOUR + SECOND)
    minute = NOW // MINUTE * MINUTE - HOUR
    assert plan.repairable_window(MEAN, asked, now=NOW, durations=KEPT) == Window(
        start=minute, end=minute + MINUTE
    )
