"""Rollups on real servers: what a check finds, what a repair recomputes, and what is left alone."""

import time
from collections.abc import Iterator

import pytest

from tests.support import rollups
from tests.support.clock import Clock
from tests.support.influxd import Influxd
from tests.support.ports import NOBODY
from tstats.catalog import CACHE_STATS, DELIVERYSERVICE_STATS, RAW_RETENTION, ROLLUPS
from tstats.core.time import DAY, HOUR, MINUTE, SECOND
from tstats.core.windows import Window
from tstats.influx.client import Endpoint, Influx
from tstats.rollups.late import LateWindows, repair_late
from tstats.rollups.plan import rollups_named
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport

BANDWIDTH = ("bandwidth_1min", "bandwidth_cdn_1min", "bandwidth_cdn_type_1min")


@pytest.fixture(scope="module")
def hours() -> Window:
    """Two whole hours that ended more than an hour ago and are still kept."""
    end = time.time_ns() // HOUR * HOUR - HOUR
    return Window(start=end - 2 * HOUR, end=end)


@pytest.fixture
def filled(influx: Influx, hours: Window) -> Influx:
    """A server with two hours of bandwidth and complete rollups."""
    rollups.make_databases(influx)
    rollups.write(influx, rollups.raw_points(hours, only="bandwidth"))
    report = RollupRepair(influx).run(hours)
    assert not report.failed, report
    return influx


def windows(report: RollupReport, kind: str) -> dict[str, list[Window]]:
    """The windows of one kind, by rollup; only rollups that have any."""
    return {
        finding.rollup.name: list(getattr(finding, kind))
        for finding in report.findings
        if getattr(finding, kind)
    }


def alike(names: tuple[str, ...], window: Window) -> dict[str, list[Window]]:
    """The same window for each rollup."""
    return {name: [window] for name in names}


def recomputed(report: RollupReport) -> dict[str, list[Window]]:
    return {
        outcome.finding.rollup.name: list(outcome.recomputed)
        for outcome in report.outcomes
        if outcome.recomputed
    }


def at(hours: Window, minutes: int, length: int = 1) -> Window:
    """`length` minutes that start this many minutes into the hours."""
    start = hours.start + minutes * MINUTE
    return Window(start=start, end=start + length * MINUTE)


def delete(influx: Influx, measurement: str, window: Window, *, where: str = "") -> None:
    influx.query(
        f'DELETE FROM "{measurement}" WHERE time >= {window.start} AND time < {window.end}{where}',
        database=CACHE_STATS,
    )


def put(influx: Influx, line: str, *, policy: str = "daily") -> None:
    influx.write(line.encode(), database=CACHE_STATS, policy=policy)


EDGE_1 = "cachegroup=g1,cdn=cdn1,hostname=edge-1,type=EDGE"


def test_after_an_outage_with_late_delivery_all_rollups_equal_those_of_a_server_without_one(
    influx: Influx, other_influx: Influx
) -> None:
    # Around midnight, so that the outage touches a finished day; the clock shows an hour later.
    now = time.time_ns()
    midnight = now // DAY * DAY
    if now - midnight < HOUR:
        midnight -= DAY
    lived = Window(start=midnight - 32 * MINUTE, end=midnight + 20 * MINUTE)
    # It starts and ends within a minute: the minutes at its edges become stale, those between are missing.
    outage = Window(start=midnight - 19 * MINUTE + 25 * SECOND, end=midnight + 11 * MINUTE + 25 * SECOND)
    points = rollups.raw_points(lived)
    late = [point for point in points if outage.start <= point.time < outage.end]
    on_time = [point for point in points if not outage.start <= point.time < outage.end]
    for server in (influx, other_influx):
        rollups.make_databases(server)
    rollups.live(influx, lived, points)
    rollups.live(other_influx, lived, on_time)
    rollups.write(other_influx, late)
    wanted = rollups.contents(influx)
    assert all(wanted.values())
    assert all(rollups.contents(other_influx)[name] != cells for name, cells in wanted.items())

    repair = RollupRepair(other_influx, clock=lambda: midnight + HOUR)
    day = Window(start=midnight - 25 * HOUR, end=midnight + HOUR)
    missing = windows(repair.status(day), "missing")
    inner = Window(start=midnight - 18 * MINUTE, end=midnight + 11 * MINUTE)
    assert missing.keys() >= {rollup.name for rollup in ROLLUPS if rollup.source_policy == "daily"}
    assert missing["bandwidth_1min"] == [inner]
    report = repair.repair(day, thorough=False)  # the quick check finds everything
    assert not report.failed, report
    assert rollups.contents(other_influx) == wanted
    outer = Window(start=midnight - 19 * MINUTE, end=midnight + 12 * MINUTE)
    assert recomputed(report) == {
        rollup.name: [outer] if rollup.interval == MINUTE else [Window(start=midnight - DAY, end=midnight)]
        for rollup in ROLLUPS
    }
    assert rollups.contents(influx) == wanted
    assert not any(finding.windows for finding in repair.status(day, thorough=True).findings)


@pytest.mark.parametrize("thorough", [False, True])
def test_complete_rollups_have_nothing_missing_or_stale(
    filled: Influx, hours: Window, *, thorough: bool
) -> None:
    report = RollupRepair(filled).status(hours, thorough=thorough)
    assert not report.failed
    assert len(report.findings) == 18
    assert not any(finding.windows or finding.unproven for finding in report.findings)


@pytest.mark.parametrize("thorough", [False, True])
def test_a_hole_is_found_to_the_minute_and_nothing_else_is_recomputed(
    filled: Influx, hours: Window, *, thorough: bool
) -> None:
    before = rollups.contents(filled)
    hole = at(hours, 55, 9)
    for target in ("bandwidth.1min", "bandwidth.cdn.1min"):
        delete(filled, target, hole)
    repair = RollupRepair(filled)
    found = repair.status(hours, thorough=thorough)
    assert windows(found, "missing")["bandwidth_1min"] == [hole]
    assert windows(found, "carried") == alike(BANDWIDTH[1:], hole)
    report = repair.repair(hours, thorough=thorough)
    assert not report.failed
    assert recomputed(report) == alike(BANDWIDTH, hole)
    assert rollups.contents(filled) == before


def test_a_whole_hour_without_any_cell_is_missing(filled: Influx, hours: Window) -> None:
    delete(filled, "bandwidth.cdn.1min", Window(start=hours.start, end=hours.start + HOUR))
    found = RollupRepair(filled).status(hours)
    assert windows(found, "missing") == {"bandwidth_cdn_1min": [at(hours, 0, 60)]}


def test_a_missing_cell_of_one_series_is_found_even_if_all_values_are_equal(
    influx: Influx, hours: Window
) -> None:
    rollups.make_databases(influx)
    flat = [f"bandwidth,{EDGE_1} value=0 {moment}" for moment in range(hours.start, hours.end, rollups.POLL)]
    put(influx, "\n".join([*flat, *(line.replace("edge-1", "edge-2") for line in flat)]))
    repair = RollupRepair(influx)
    repair.run(hours)
    # A series with points in one hour only: cells without a source are not missing.
    delete(influx, "bandwidth", at(hours, 0, 60), where=" AND hostname = 'edge-2'")
    delete(influx, "bandwidth.1min", at(hours, 0, 60), where=" AND hostname = 'edge-2'")
    assert windows(repair.status(hours), "missing") == {}
    delete(influx, "bandwidth.1min", at(hours, 70), where=" AND hostname = 'edge-1'")
    assert windows(repair.status(hours), "missing") == {"bandwidth_1min": [at(hours, 70)]}


def test_a_series_that_the_rollup_lacks_is_missing(filled: Influx, hours: Window) -> None:
    new = EDGE_1.replace("edge-1", "edge-new")
    put(filled, f"bandwidth,{new} value=60 {hours.start + 90 * MINUTE}")
    assert windows(RollupRepair(filled).status(hours), "missing") == {"bandwidth_1min": [at(hours, 90)]}


@pytest.mark.parametrize("thorough", [False, True])
def test_a_late_point_makes_its_minute_stale_in_all_dependents(
    filled: Influx, hours: Window, *, thorough: bool
) -> None:
    put(filled, f"bandwidth,{EDGE_1} value=999999 {hours.start + 33 * MINUTE + SECOND}")
    repair = RollupRepair(filled)
    found = repair.status(hours, thorough=thorough)
    assert windows(found, "stale") == {"bandwidth_1min": [at(hours, 33)]}
    assert windows(found, "carried") == alike(BANDWIDTH[1:], at(hours, 33))
    assert recomputed(repair.repair(hours, thorough=thorough)) == alike(BANDWIDTH, at(hours, 33))
    assert windows(repair.status(hours, thorough=True), "stale") == {}


def test_a_sum_with_a_wrong_value_is_stale(filled: Influx, hours: Window) -> None:
    put(filled, f"bandwidth.cdn.1min,cdn=cdn1 value=1 {hours.start + 5 * MINUTE}", policy="monthly")
    assert windows(RollupRepair(filled).status(hours), "stale") == {"bandwidth_cdn_1min": [at(hours, 5)]}


def test_with_uneven_minutes_the_quick_check_reports_what_it_cannot_prove(
    filled: Influx, hours: Window
) -> None:
    repair = RollupRepair(filled)
    for minute in range(0, 120, 7):
        put(filled, f"bandwidth,{EDGE_1} value={minute} {hours.start + minute * MINUTE + SECOND}")
    repair.run(hours)
    # A small error, less than what the uneven minutes add to the mean of the hour.
    (stale,) = filled.query(
        f"SELECT value FROM monthly.\"bandwidth.1min\" WHERE hostname = 'edge-2' AND time = {hours.start}",
        database=CACHE_STATS,
    )
    value = stale.values[0][1] + 0.5
    edge_2 = EDGE_1.replace("g1", "g2").replace("edge-1", "edge-2")
    put(filled, f"bandwidth.1min,{edge_2} value={value} {hours.start}", policy="monthly")
    quick = repair.status(hours, only=rollups_named(["bandwidth_1min"]))
    assert windows(quick, "stale").keys() | windows(quick, "unproven").keys() == {"bandwidth_1min"}
    thorough = repair.status(hours, only=rollups_named(["bandwidth_1min"]), thorough=True)
    assert windows(thorough, "stale") == {"bandwidth_1min": [at(hours, 0)]}
    assert recomputed(repair.repair(hours))["bandwidth_1min"] == [at(hours, 0)]


def test_a_dry_run_writes_nothing(filled: Influx, hours: Window) -> None:
    delete(filled, "bandwidth.1min", at(hours, 10, 30))
    before = rollups.contents(filled)
    report = RollupRepair(filled).repair(hours, dry_run=True)
    assert windows(report, "missing") == {"bandwidth_1min": [at(hours, 10, 30)]}
    assert recomputed(report) == {}
    assert rollups.contents(filled) == before


def test_a_rollup_whose_source_is_gone_keeps_its_values(filled: Influx, hours: Window) -> None:
    before = rollups.contents(filled)
    delete(filled, "bandwidth", at(hours, 20, 90))
    repair = RollupRepair(filled)
    assert recomputed(repair.repair(hours)) == {}
    assert not repair.run(hours).failed
    assert rollups.contents(filled) == before


def test_intervals_whose_source_begins_to_expire_are_neither_checked_nor_computed(
    filled: Influx, hours: Window
) -> None:
    # Part of the source is gone, as when a shard was dropped: the rollup is right, the source is not.
    delete(filled, "bandwidth", at(hours, 0, 30), where=" AND hostname = 'edge-1'")
    put(filled, f"bandwidth,{EDGE_1} value=1 {hours.start + 5 * MINUTE}")
    before = rollups.contents(filled)
    repair = RollupRepair(filled, clock=lambda: hours.start + RAW_RETENTION)
    raw = rollups_named(["bandwidth_1min"])
    assert repair.repair(hours, only=raw).findings[0].checked == Window(
        start=hours.start + 10 * MINUTE, end=hours.end
    )
    repair.run(at(hours, 0, 10), only=raw)
    assert rollups.contents(filled) == before


def test_repair_leaves_unsettled_intervals_to_the_continuous_query_and_run_does_not(influx: Influx) -> None:
    rollups.make_databases(influx)
    now = time.time_ns() // MINUTE * MINUTE
    lived = Window(start=now - 10 * MINUTE, end=now)
    rollups.write(influx, rollups.raw_points(lived, only="bandwidth"))
    repair = RollupRepair(influx, clock=lambda: now + 30 * SECOND)
    found = windows(repair.status(lived, only=rollups_named(["bandwidth_1min"])), "missing")
    assert found == {"bandwidth_1min": [Window(start=lived.start, end=now - 2 * MINUTE)]}
    assert recomputed(repair.run(Window(start=lived.start, end=now + HOUR)))["bandwidth_1min"] == [lived]


def test_a_finished_day_is_repaired_and_the_day_in_progress_is_left_alone(influx: Influx) -> None:
    rollups.make_databases(influx)
    midnight = time.time_ns() // DAY * DAY
    for moment in (midnight - HOUR, midnight):
        line = f"kbps.ds.1min,cachegroup=total,cdn=cdn1,deliveryservice=sports value=7 {moment}"
        influx.write(line.encode(), database=DELIVERYSERVICE_STATS, policy="monthly")
    repair = RollupRepair(influx, clock=lambda: midnight + HOUR)
    report = repair.repair(Window(start=midnight - HOUR, end=midnight + HOUR))
    assert recomputed(report) == {"max_kbps_ds_1day": [Window(start=midnight - DAY, end=midnight)]}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx]:
    """A server that allows at most seven intervals per series in one query."""
    settings = {"INFLUXDB_COORDINATOR_MAX_SELECT_BUCKETS": "7"}
    with Influxd(tmp_path_factory.mktemp("limited"), settings=settings) as server:
        influx = Influx(Endpoint(url=server.url))
        yield influx
        influx.close()


def test_server_limits_only_make_the_pieces_smaller(limited: Influx, hours: Window) -> None:
    rollups.make_databases(limited)
    lived = at(hours, 0, 20)
    rollups.write(limited, rollups.raw_points(lived, only="bandwidth"))
    repair = RollupRepair(limited)
    report = repair.repair(lived)
    assert not report.failed, report
    assert recomputed(report) == alike(BANDWIDTH, lived)
    assert not any(finding.windows for finding in repair.status(lived, thorough=True).findings)


def test_a_missing_database_is_named_and_the_others_are_repaired(filled: Influx, hours: Window) -> None:
    filled.query(f"DROP DATABASE {DELIVERYSERVICE_STATS}")
    delete(filled, "bandwidth.1min", at(hours, 0, 3))
    report = RollupRepair(filled).repair(hours)
    assert report.failed
    assert recomputed(report) == alike(BANDWIDTH, at(hours, 0, 3))
    failed = {finding.rollup.database: finding.error for finding in report.findings if finding.error}
    assert failed.keys() == {DELIVERYSERVICE_STATS}
    assert "create_ts_databases" in str(failed[DELIVERYSERVICE_STATS])


def test_an_unreachable_server_is_reported(hours: Window) -> None:
    report = RollupRepair(Influx(Endpoint(url=NOBODY))).status(hours)
    assert report.failed
    assert NOBODY in str(report.error)


def test_a_database_without_points_needs_no_repair(influx: Influx, hours: Window) -> None:
    rollups.make_databases(influx)
    report = RollupRepair(influx).repair(hours)
    assert not report.failed
    assert recomputed(report) == {}


def test_what_begins_to_expire_during_a_repair_is_left_alone(filled: Influx, hours: Window) -> None:
    delete(filled, "bandwidth.1min", at(hours, 10, 10))
    moments = iter([hours.start + RAW_RETENTION, *[hours.start + RAW_RETENTION + 5 * MINUTE] * 9])
    repair = RollupRepair(filled, clock=lambda: next(moments))
    report = repair.repair(hours, only=rollups_named(["bandwidth_1min"]))
    assert not report.failed
    assert recomputed(report) == alike(BANDWIDTH, at(hours, 15, 5))


def test_run_due_writes_what_continuous_queries_write_even_after_a_pause(
    influx: Influx, other_influx: Influx
) -> None:
    # Across midnight, when the rollup by day is due.
    now = time.time_ns()
    midnight = now // DAY * DAY - (DAY if now % DAY < HOUR else 0)
    lived = Window(start=midnight - 8 * MINUTE, end=midnight + 8 * MINUTE)
    points = rollups.raw_points(lived)
    for server in (influx, other_influx):
        rollups.make_databases(server)
    rollups.live(influx, lived, points)

    clock = Clock(lived.start)
    repair = RollupRepair(other_influx, clock=clock)
    pause = range(midnight + 2 * MINUTE, midnight + 5 * MINUTE)
    for minute in range(lived.start, lived.end + 6 * MINUTE, MINUTE):
        written = [point for point in points if minute <= point.time < minute + MINUTE]
        rollups.write(other_influx, written)
        clock.now = minute + MINUTE + SECOND
        if minute not in pause:
            assert not repair.run_due().failed
            assert repair.run_due().outcomes == ()  # once per interval
    assert rollups.contents(other_influx) == rollups.contents(influx)


def test_late_windows_are_repaired_once_they_have_settled(influx: Influx, hours: Window) -> None:
    rollups.make_databases(influx)
    window = at(hours, 10, 3)
    rollups.write(influx, rollups.raw_points(window, only="bandwidth"))
    clock = Clock(window.end + 4 * MINUTE)
    late = LateWindows(clock=clock)
    repair = RollupRepair(influx, clock=clock)
    late.add(CACHE_STATS, window)
    assert repair_late(repair, late) == []
    clock.now += 2 * MINUTE
    (report,) = repair_late(repair, late)
    assert recomputed(report) == alike(BANDWIDTH, window)
    assert repair_late(repair, late) == []


def test_a_late_window_that_could_not_be_repaired_is_kept(hours: Window) -> None:
    clock = Clock(hours.end + HOUR)
    late = LateWindows(clock=clock)
    late.add(CACHE_STATS, hours)
    repair = RollupRepair(Influx(Endpoint(url=NOBODY)), clock=clock)
    for _ in range(2):
        (report,) = repair_late(repair, late)
        assert report.failed


def test_only_chosen_rollups_are_checked_and_their_dependents_follow(filled: Influx, hours: Window) -> None:
    delete(filled, "bandwidth.1min", at(hours, 0, 3))
    repair = RollupRepair(filled)
    (only,) = rollups_named(["bandwidth_1min"])
    assert [finding.rollup for finding in repair.status(hours, only=[only]).findings] == [only]
    assert recomputed(repair.repair(hours, only=[only])) == alike(BANDWIDTH, at(hours, 0, 3))
