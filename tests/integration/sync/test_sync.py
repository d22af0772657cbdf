"""Two real InfluxDBs after a sync: the points of both, as exported by other queries than sync's."""

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.points import Export, Point, as_export, export, healed, write
from tests.support.syncing import NoProgress
from tstats.core.time import DAY, EARLIEST, HOUR, LATEST, MINUTE
from tstats.core.windows import ALL_TIME, Window
from tstats.errors import ConfigError
from tstats.influx.client import Influx
from tstats.influx.influxql import identifier
from tstats.sync.merge import Policy
from tstats.sync.options import SyncOptions
from tstats.sync.report import SyncReport
from tstats.sync.run import sync

DATABASE = "cache_stats"
POLICY = "monthly"
T = 20_000 * DAY

BORDERS = [EARLIEST, LATEST, T, T + 1, T + HOUR - 1, T + HOUR, T + DAY - 1, T + DAY, T + 9 * DAY, T - 1]
HOSTILE = ["a", "a b", "a,b=c", 'q"u', "back\\slash", "ä☃", "'; DROP", "a\\,b", "=", "x'y"]
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "value": st.sampled_from([0.0, 1.5, -3.0, 1e22, 5e-324, 7.0]),
    "hits": st.sampled_from([0, -1, 2**63 - 1, 2**53 + 1]),
    "up": st.booleans(),
    "note": st.sampled_from(["", "plain", 'q"u\\o', "two\nlines", "ä, =b"]),
    "host": st.sampled_from([1.0, 2.0]),  # a tag has this name, too
    "f, =x": st.sampled_from([4.0, 5.0]),
}
tags = st.dictionaries(st.sampled_from(["host", "t, =x", "select"]), st.sampled_from(HOSTILE), max_size=3)
fields = st.fixed_dictionaries({}, optional=FIELDS).filter(bool)
points = st.lists(
    st.builds(
        Point,
        measurement=st.sampled_from(["bandwidth.1min", 'm, ="x ä']),
        tags=tags.map(lambda found: tuple(sorted(found.items()))),
        time=st.sampled_from(BORDERS),
        fields=fields.map(lambda found: tuple(found.items())),
    ),
    max_size=12,
)
on_real_servers = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)


def create(influx: Influx, *, shards: str = "1d") -> None:
    influx.query(f"DROP DATABASE {DATABASE}")
    influx.query(
        f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION {shards} NAME {POLICY}"
    )


def run(source: Influx, target: Influx, **asked: Any) -> SyncReport:  # noqa: ANN401 (what SyncOptions takes)
    options = SyncOptions(databases=(DATABASE,), now=time.time_ns(), **{"window": ALL_TIME, **asked})
    return sync(options, source, target, schema=True, progress=NoProgress())


def held(influx: Influx) -> Export:
    return export(influx, DATABASE, POLICY)


def filled(influx: Influx, given_points: list[Point]) -> Export:
    create(influx)
    write(influx, given_points, database=DATABASE, policy=POLICY)
    return as_export(given_points)


@pytest.mark.parametrize("policy", list(Policy))
@given(ours=points, theirs=points, exact=st.booleans())
@on_real_servers
def test_any_two_sides_are_in_sync_after_it(
    influx: Influx,
    other_influx: Influx,
    policy: Policy,
    ours: list[Point],
    theirs: list[Point],
    *,
    exact: bool,
) -> None:
    source, target = filled(influx, ours), filled(other_influx, theirs)
    report = run(influx, other_influx, policy=policy, exact=exact)
    assert (report.error, [one.error for one in report.measurements]) == (
        None,
        [None] * len(report.measurements),
    )
    assert report.in_sync
    assert report.verified
    assert held(other_influx) == healed(source, target, policy=policy)
    assert held(influx) == source
    again = run(influx, other_influx, policy=policy, exact=exact)
    assert again.totals().points_written == 0
    assert again.in_sync
    assert run(influx, other_influx, policy=policy, exact=exact, apply=False).in_sync


@given(ours=points, theirs=points, policy=st.sampled_from([Policy.MAX, Policy.MISSING]))
@on_real_servers
def test_both_ways_gives_both_sides_the_union(
    influx: Influx, other_influx: Influx, policy: Policy, ours: list[Point], theirs: list[Point]
) -> None:
    source, target = filled(influx, ours), filled(other_influx, theirs)
    report = run(influx, other_influx, policy=policy, both_ways=True)
    assert report.in_sync, (report.error, report.measurements)
    assert held(other_influx) == healed(source, target, policy=policy)
    assert held(influx) == healed(target, source, policy=policy)
    assert run(influx, other_influx, policy=policy, both_ways=True).totals().points_written == 0


FATES = ["missing", "lower", "same", "ahead", "only"]
Fates = list[tuple[str, int, str]]
distinct = st.lists(
    st.tuples(st.sampled_from(HOSTILE), st.sampled_from(BORDERS), st.sampled_from(FATES)),
    unique_by=lambda one: one[:2],
    max_size=20,
)
HOSTS = [f"edge-{number:02d}" for number in range(40)]
HALF_HOURS = [T + number * HOUR // 2 for number in range(8)]
scattered = st.lists(
    st.tuples(st.sampled_from(HOSTS), st.sampled_from(HALF_HOURS), st.sampled_from(FATES)),
    unique_by=lambda one: one[:2],
    min_size=4,
    max_size=20,
)


def fated(fates: Fates) -> tuple[list[Point], list[Point]]:
    """The points of both sides, one of host and time for each fate; no differences of them cancel out.

    Each difference is a power of two of its own, times 3/2.
    """
    ours, theirs = [], []
    for place, (host, moment, fate) in enumerate(fates):
        point = Point(tags=(("host", host),), time=moment, fields=(("value", 3.0 * 4**place),))
        if fate != "only":
            ours.append(point)
        if fate != "missing":
            value = 3.0 * 4**place * {"lower": 0.5, "ahead": 1.5}.get(fate, 1)
            theirs.append(replace(point, fields=(("value", value),)))
    return ours, theirs


@given(fates=distinct)
@on_real_servers
def test_digests_alone_find_every_difference_between_distinct_values(
    influx: Influx, other_influx: Influx, fates: Fates
) -> None:
    """Without the exact comparison of small windows."""
    ours, theirs = fated(fates)
    source, target = filled(influx, ours), filled(other_influx, theirs)
    report = run(influx, other_influx, exact_below=0)
    assert report.in_sync, (report.error, report.measurements)
    assert held(other_influx) == healed(source, target, policy="max")
    totals = report.totals()
    assert totals.points_written == sum(fate in {"missing", "lower"} for *_, fate in fates)
    assert run(influx, other_influx, exact_below=0).totals().points_written == 0


@pytest.mark.parametrize(
    ("policy", "both_ways"),
    [(Policy.MAX, False), (Policy.MAX, True), (Policy.MISSING, True), (Policy.SOURCE, False)],
    ids=["max", "max both ways", "missing both ways", "source"],
)
@given(fates=scattered)
@on_real_servers
def test_what_differs_among_many_series_is_found_in_most_hours_or_few(
    influx: Influx,
    other_influx: Influx,
    policy: Policy,
    both_ways: bool,  # noqa: FBT001 (pytest)
    fates: Fates,
) -> None:
    ours, theirs = fated(fates)
    places = {(host, moment) for host, moment, _ in fates}
    same = [
        Point(tags=(("host", host),), time=moment, fields=(("value", 1.0),))
        for host in HOSTS
        for moment in HALF_HOURS
        if (host, moment) not in places
    ]
    source, target = filled(influx, [*same, *ours]), filled(other_influx, [*same, *theirs])
    asked: dict[str, Any] = {"exact_below": 0, "policy": policy, "both_ways": both_ways}
    told = run(influx, other_influx, **asked, apply=False).totals()
    report = run(influx, other_influx, **asked)
    assert report.in_sync, (report.error, report.measurements)
    assert held(other_influx) == healed(source, target, policy=policy)
    assert held(influx) == (healed(target, source, policy=policy) if both_ways else source)
    assert report.totals().points_missing == told.points_missing
    assert run(influx, other_influx, **asked).totals().points_written == 0


def minutes(hosts: int, number: int, *, measurement: str = "bandwidth.1min") -> list[Point]:
    """So many minutes of so many hosts, every value another one."""
    return [
        Point(
            measurement=measurement,
            tags=(("cachegroup", f"cg{host % 3}"), ("hostname", f"edge-{host:03d}")),
            time=T + minute * MINUTE,
            fields=(("value", float(host * 10_000 + minute)),),
        )
        for host in range(hosts)
        for minute in range(number)
    ]


def test_a_damaged_copy_is_healed_by_reading_only_what_differs(influx: Influx, other_influx: Influx) -> None:
    whole = minutes(200, 300)
    lost = set(random.Random(3).sample(range(len(whole)), 40))  # of points anywhere
    hour = range(T + 2 * HOUR, T + 3 * HOUR)
    damaged = [point for place, point in enumerate(whole) if place not in lost and point.time not in hour]
    filled(influx, whole)
    filled(other_influx, damaged)
    checked = run(influx, other_influx, apply=False)
    assert not checked.in_sync
    assert checked.totals().points_missing == len(whole) - len(damaged)
    assert held(other_influx) == as_export(damaged)
    report = run(influx, other_influx)
    totals = report.totals()
    assert held(other_influx) == as_export(whole)
    assert totals.points_written == totals.points_missing == len(whole) - len(damaged)
    assert report.verified
    # The lost hour once, and of the other hours both sides of the series that differ: not everything.
    assert totals.points_read < len(whole) / 2
    assert run(influx, other_influx).totals().points_read == 0


def test_values_that_are_lower_are_raised_next_to_points_that_are_missing(
    influx: Influx, other_influx: Influx
) -> None:
    whole = minutes(150, 60)
    filled(influx, whole)
    lower = [
        Point(tags=point.tags, time=point.time, fields=(("value", -1.0),)) if place % 97 == 0 else point
        for place, point in enumerate(whole)
        if place % 89
    ]
    filled(other_influx, lower)
    report = run(influx, other_influx)
    assert report.in_sync
    assert report.verified
    assert held(other_influx) == as_export(whole)
    assert report.totals().points_lower == sum(point.fields[0][1] == -1.0 for point in lower)


def test_values_that_are_lower_are_raised_next_to_points_that_the_source_lacks(
    influx: Influx, other_influx: Influx
) -> None:
    """Counts lead to the series with more points, of which nothing is written; the others are lower."""
    whole = minutes(150, 60)
    filled(influx, [point for place, point in enumerate(whole) if place % 890])
    filled(
        other_influx,
        [
            replace(point, fields=(("value", -1.0),)) if place % 970 == 485 else point
            for place, point in enumerate(whole)
        ],
    )
    report = run(influx, other_influx)
    assert report.in_sync
    assert report.verified
    assert held(other_influx) == as_export(whole)


def test_values_that_are_lower_alone_are_found_in_their_series(influx: Influx, other_influx: Influx) -> None:
    """All counts are equal, so that only sums by the values of a tag can tell the series."""
    whole = minutes(150, 120)
    lower = [
        replace(point, fields=(("value", -1.0),)) if place % 901 == 0 else point
        for place, point in enumerate(whole)
    ]
    filled(influx, whole)
    filled(other_influx, lower)
    report = run(influx, other_influx)
    assert report.verified
    assert held(other_influx) == as_export(whole)
    totals = report.totals()
    assert (totals.points_lower, totals.points_missing) == (len(range(0, len(whole), 901)), 0)
    assert totals.points_read < len(whole) / 2


def test_zeros_that_are_missing_are_found_though_all_sums_are_equal(
    influx: Influx, other_influx: Influx
) -> None:
    zeros = [replace(point, fields=(("value", 0.0),)) for point in minutes(150, 120)]
    filled(influx, zeros)
    filled(other_influx, [point for place, point in enumerate(zeros) if place % 901])
    report = run(influx, other_influx)
    assert report.verified
    assert held(other_influx) == as_export(zeros)
    assert report.totals().points_read < len(zeros) / 2


def test_points_that_landed_in_other_series_are_not_taken_for_a_copy(
    influx: Influx, other_influx: Influx
) -> None:
    """What the Go tool leaves: counts and sums are the same, the hosts are not."""
    whole = minutes(120, 90)
    wrong = [
        Point(
            tags=(("cachegroup", dict(point.tags)["cachegroup"]), ("hostname", f"x{number}")),
            time=point.time,
            fields=point.fields,
        )
        for point in whole
        for number in [dict(point.tags)["hostname"]]
    ]
    filled(influx, whole)
    filled(other_influx, wrong)
    report = run(influx, other_influx)
    assert report.in_sync
    assert held(other_influx) == as_export([*whole, *wrong])
    assert report.totals().points_only_in_target == len(wrong)
    assert run(influx, other_influx).totals().points_written == 0


def test_values_of_two_series_that_changed_places_are_found_where_the_lists_of_series_differ(
    influx: Influx, other_influx: Influx
) -> None:
    """Beside points that are missing in every hour, so that counts alone would lead to these only."""
    whole = minutes(100, 120)
    more = Point(tags=(("hostname", "x"),), time=T, fields=(("value", 1.0),))
    first, second, others = whole[:120], whole[120:240], whole[240:]
    changed = [
        replace(one, fields=other.fields)
        for one, other in zip([*first, *second], [*second, *first], strict=True)
    ]
    damaged = [*changed, *(point for place, point in enumerate(others) if place % 1190)]
    filled(influx, whole)
    filled(other_influx, [*damaged, more])
    report = run(influx, other_influx, policy=Policy.SOURCE)
    assert report.verified
    assert held(other_influx) == as_export([*whole, more])


def test_minutes_lost_on_both_sides_show_in_the_sample_even_if_all_values_are_the_same(
    influx: Influx, other_influx: Influx
) -> None:
    """Counts and sums are equal: each side lacks another minute of the hour, of values that never change."""
    constant = [replace(point, fields=(("value", 5.0),)) for point in minutes(100, 60)]
    filled(influx, [point for point in constant if point.time != T + 5 * MINUTE])
    filled(other_influx, [point for point in constant if point.time != T + 17 * MINUTE])
    assert run(influx, other_influx, both_ways=True).in_sync
    assert held(influx) == held(other_influx) == as_export(constant)


def test_a_target_that_is_ahead_is_told_and_left(influx: Influx, other_influx: Influx) -> None:
    whole = minutes(2, 10)
    filled(influx, whole)
    higher = [Point(tags=whole[0].tags, time=whole[0].time, fields=(("value", 1e9),)), *whole[1:]]
    more = Point(tags=whole[0].tags, time=T + 5 * DAY, fields=(("value", 1.0),))
    target = filled(other_influx, [*higher, more])
    report = run(influx, other_influx)
    assert report.in_sync
    assert (report.totals().points_target_ahead, report.totals().points_only_in_target) == (1, 1)
    assert held(other_influx) == target


def test_fields_whose_type_differs_from_shard_to_shard_keep_their_types(
    influx: Influx, other_influx: Influx
) -> None:
    kinds: list[Any] = [1.0, 2, "three", True]
    given_points = [
        Point(tags=(("host", "a"),), time=T + place * DAY, fields=(("value", value),))
        for place, value in enumerate(kinds)
    ]
    filled(influx, given_points)
    create(other_influx)
    assert run(influx, other_influx).in_sync
    for place, value in enumerate(kinds):
        window = f"time >= {T + place * DAY} AND time < {T + (place + 1) * DAY}"
        statement = f'SELECT value FROM {POLICY}."bandwidth.1min" WHERE {window}'
        assert [series.values[0][1] for series in other_influx.query(statement, database=DATABASE)] == [value]
    keys = f"SHOW FIELD KEYS ON {DATABASE} FROM {POLICY}.{identifier('bandwidth.1min')}"
    kinds_there = {row["fieldType"] for series in other_influx.query(keys) for row in series.rows()}
    assert kinds_there == {"float", "integer", "string", "boolean"}
    assert run(influx, other_influx).totals().points_written == 0


def test_a_field_type_conflict_is_told_by_name_and_the_others_go_on(
    influx: Influx, other_influx: Influx
) -> None:
    filled(influx, [*minutes(3, 5), *minutes(3, 5, measurement="other")])
    conflict = Point(tags=(("hostname", "x"),), time=T, fields=(("value", "a text"),))
    filled(other_influx, [conflict])
    report = run(influx, other_influx)
    assert not report.in_sync
    assert report.failed
    errors = {one.measurement: one.error for one in report.measurements}
    assert "field type conflict" in str(errors["bandwidth.1min"])
    assert errors["other"] is None
    copied = [key for key in held(other_influx) if key[0] == "other"]
    assert len(copied) == 15


def test_only_the_asked_window_is_touched(influx: Influx, other_influx: Influx) -> None:
    whole = minutes(2, 200)
    filled(influx, whole)
    create(other_influx)
    window = Window(start=T + 30 * MINUTE + 1, end=T + 130 * MINUTE)
    assert run(influx, other_influx, window=window).in_sync
    asked = [point for point in whole if window.start <= point.time < window.end]
    assert held(other_influx) == as_export(asked)
    assert run(influx, other_influx, window=window).totals().points_written == 0


def test_only_the_asked_measurements_are_touched(influx: Influx, other_influx: Influx) -> None:
    filled(influx, [*minutes(1, 3), *minutes(1, 3, measurement="connections.1min")])
    create(other_influx)
    report = run(influx, other_influx, measurements=("conn*",))
    assert [one.measurement for one in report.measurements] == ["connections.1min"]
    assert {key[0] for key in held(other_influx)} == {"connections.1min"}


def test_shards_of_other_lengths_on_the_other_side(influx: Influx, other_influx: Influx) -> None:
    given_points = [
        Point(time=T + day * DAY + 7, fields=(("value", float(day)),), tags=(("h", "a"),))
        for day in range(20)
    ]
    filled(influx, given_points)
    create(other_influx, shards="7d")
    write(other_influx, given_points[5:11], database=DATABASE, policy=POLICY)
    assert run(influx, other_influx, both_ways=True).in_sync
    assert held(other_influx) == held(influx) == as_export(given_points)


def test_points_of_the_raw_policy_come_only_when_asked_for(influx: Influx, other_influx: Influx) -> None:
    create(influx)
    create(other_influx)
    influx.query(f"CREATE RETENTION POLICY daily ON {DATABASE} DURATION INF REPLICATION 1")
    write(influx, minutes(1, 3, measurement="bandwidth"), database=DATABASE, policy="daily")
    assert run(influx, other_influx).in_sync
    assert export(other_influx, DATABASE, "daily") == {}
    assert run(influx, other_influx, raw=True).in_sync
    assert len(export(other_influx, DATABASE, "daily")) == 3


def test_a_pattern_that_matches_nothing_is_an_error_that_names_the_nearest(
    influx: Influx, other_influx: Influx
) -> None:
    filled(influx, minutes(1, 1))
    create(other_influx)
    with pytest.raises(ConfigError, match=r"neither.*'bandwith\*'; did you mean bandwidth\.1min\?"):
        run(influx, other_influx, measurements=("bandwidth*", "bandwith*"))
    assert held(other_influx) == {}


def test_values_of_two_collectors_are_never_read_where_no_point_is_missing(
    influx: Influx, other_influx: Influx
) -> None:
    """Each site computes values of its own, so that every sum differs; only presence matters."""
    ours = minutes(40, 180)
    theirs = [replace(point, fields=(("value", -float(point.time % 977)),)) for point in ours]
    filled(influx, ours)
    filled(other_influx, theirs)
    report = run(influx, other_influx, policy=Policy.MISSING, both_ways=True)
    assert report.in_sync
    assert report.totals().points_read == 0
    assert held(other_influx) == as_export(theirs)


def test_as_many_points_missing_on_each_side_of_one_hour_are_given_to_each_other(
    influx: Influx, other_influx: Influx
) -> None:
    whole = minutes(60, 120)  # 60 hosts: the hour of all hosts without a minute is a multiple of 60, too
    ours = [point for point in whole if point.time != T + 10 * MINUTE]
    theirs = [point for point in whole if point.time != T + 20 * MINUTE]
    filled(influx, ours)
    filled(other_influx, theirs)
    report = run(influx, other_influx, policy=Policy.MISSING, both_ways=True, exact_below=0)
    assert report.in_sync
    assert held(influx) == held(other_influx) == as_export(whole)
    assert report.totals().points_read < len(whole) * 1.5  # the whole hour is not read
    assert run(influx, other_influx, policy=Policy.MISSING, both_ways=True).totals().points_read == 0


def test_values_too_large_for_a_sum_are_compared_point_by_point(influx: Influx, other_influx: Influx) -> None:
    huge = [
        Point(tags=(("host", host),), time=T + minute * MINUTE, fields=(("value", 1.7e308),))
        for host in HOSTS
        for minute in range(3)
    ]
    filled(influx, huge)
    filled(other_influx, [replace(point, fields=(("value", 1.6e308),)) for point in huge])
    report = run(influx, other_influx, exact_below=0)
    assert (report.error, [row.error for row in report.measurements]) == (None, [None])
    assert held(other_influx) == as_export(huge)
    again = run(influx, other_influx, exact_below=0)
    assert again.in_sync
    assert again.totals().points_written == 0
