"""Summaries through Traffic Ops' API: each posted once, in every version and whatever goes wrong."""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from structlog.testing import capture_logs

from tests.support.days import (
    DAY,
    SETTLED,
    daily_points,
    migrated,
    sql_rows,
    summarizer,
    write_day,
)
from tests.support.postgres import Postgres
from tstats.core.secret import Secret
from tstats.core.time import HOUR
from tstats.errors import RefusedError
from tstats.influx.client import Influx
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.summaries import PostedSummary
from tstats.simulator.world import World
from tstats.summaries.report import SummaryReport
from tstats.summaries.rows import SummaryRows
from tstats.traffic_control.traffic_ops import VERSIONS, DayRecord, TrafficOps

WORLD = World.build(cdns=2)


@pytest.fixture
def influx(influx: Influx) -> Influx:
    """A connection to an influxd with one day of one CDN."""
    write_day(influx, "cdn1", peaks={600: 2_500_000.0})
    return influx


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD) as simulator:
        yield simulator


@pytest.fixture
def traffic_ops(sim: Simulator) -> Iterator[TrafficOps]:
    session = connected(sim)
    yield session
    session.close()


def connected(sim: Simulator, *, timeout: float = 5.0) -> TrafficOps:
    return TrafficOps(sim.traffic_ops_url, user=sim.user, password=Secret(sim.password), timeout=timeout)


def posted(sim: Simulator) -> list[tuple[str, str, str, float, date | None]]:
    return [(row.cdn, row.delivery_service, row.stat, row.value, row.stat_date) for row in sim.summaries.rows]


def posts(sim: Simulator) -> int:
    return sum(
        request.method == "POST" and request.path.endswith("/stats_summary") for request in sim.requests
    )


def results(report: SummaryReport) -> list[str]:
    assert report.problems == ()
    return [line.outcome.value for line in report.lines]


BOTH = [("cdn1", "all", "daily_maxgbps", 2.5, DAY), ("cdn1", "all", "daily_bytesserved", 10.81125, DAY)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_day_is_posted_once_in_every_version(influx: Influx, version: str) -> None:
    with Simulator(WORLD, versions=[version]) as sim:
        for outcome in ("created", "unchanged", "unchanged"):
            traffic_ops = connected(sim)
            assert results(summarizer(influx, traffic_ops=traffic_ops).run(SETTLED)) == [outcome] * 2
            traffic_ops.close()
        assert posted(sim) == BOTH
        assert posts(sim) == 2
        assert {row.summary_time for row in sim.summaries.rows} == {datetime(2026, 11, 21, 0, 10, tzinfo=UTC)}
    assert len(daily_points(influx)) == 2


def test_a_record_with_another_value_is_reported_and_not_posted_again(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    of_go = PostedSummary(
        cdn="cdn1",
        delivery_service="all",
        stat="daily_bytesserved",
        value=10.8,
        summary_time=datetime(2026, 11, 21, tzinfo=UTC),
        stat_date=DAY,
    )
    for _ in range(2):  # Go posts the same day twice
        sim.summaries.add(of_go)
    with capture_logs() as events:
        daemon = summarizer(influx, traffic_ops=traffic_ops)
        assert results(daemon.catch_up(SETTLED)) == ["created", "updated"]  # its InfluxDB point is new
        assert results(daemon.catch_up(SETTLED + HOUR)) == ["unchanged", "differs"]
        assert results(daemon.catch_up(SETTLED + 2 * HOUR)) == ["unchanged", "differs"]
    assert [row.value for row in sim.summaries.rows] == [10.8, 10.8, 2.5]
    assert [event["event"] for event in events] == ["summarized", "summary_differs"]
    assert ("2026-11-20 00:00", "cdn1", "all", "daily_bytesserved") in daily_points(influx)


def test_records_of_other_days_cdns_or_delivery_services_or_without_a_day_do_not_count(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    for cdn, service, day in (
        ("cdn1", "all", date(2026, 11, 19)),
        ("cdn2", "all", DAY),
        ("cdn1", "sports", DAY),
        ("cdn1", "all", None),
    ):
        sim.summaries.add(
            PostedSummary(
                cdn=cdn,
                delivery_service=service,
                stat="daily_maxgbps",
                value=2.5,
                summary_time=datetime(2026, 11, 21, tzinfo=UTC),
                stat_date=day,
            )
        )
    assert results(summarizer(influx, traffic_ops=traffic_ops).run(SETTLED)) == ["created", "created"]
    assert posted(sim)[4:] == BOTH


# --- a day without traffic, whose zero Traffic Ops takes for a missing value


def test_traffic_ops_refuses_a_zero(sim: Simulator, traffic_ops: TrafficOps) -> None:
    zero = DayRecord(cdn="cdn1", deliveryservice="all", stat="daily_maxgbps", day=DAY, value=0.0)
    with pytest.raises(RefusedError, match="'statValue' cannot be blank"):
        traffic_ops.record_summary(zero, at=datetime(2026, 11, 21, tzinfo=UTC))
    assert posted(sim) == []


def test_a_zero_is_reported_and_not_posted_and_everything_else_is_done(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps, database_url: str
) -> None:
    write_day(influx, "cdn2", flat=0.0)
    rows = migrated(database_url)
    summarizing = summarizer(influx, traffic_ops=traffic_ops, rows=rows)
    for others in ("created", "unchanged"):
        report = summarizing.run(SETTLED)
        assert report.ok
        assert results(report) == [*[others] * 2, *["zero not recorded"] * 2]
        assert [line.value for line in report.lines if line.cdn == "cdn2"] == [0.0, 0.0]
    assert posted(sim) == BOTH
    assert posts(sim) == 2
    zeros = {key: value for key, value in sql_rows(database_url).items() if key[1] == "cdn2"}
    assert zeros == {
        ("2026-11-20", "cdn2", "all", "daily_maxgbps"): 0.0,
        ("2026-11-20", "cdn2", "all", "daily_bytesserved"): 0.0,
    }
    # The points of both statistics have the time of the first minute.
    assert [value for key, value in daily_points(influx).items() if key[1] == "cdn2"] == [0.0, 0.0]


def test_a_daemon_logs_a_zero_once_and_does_not_try_to_post_it(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    write_day(influx, "cdn1", deliveryservice="sports", flat=0.0)
    daemon = summarizer(influx, traffic_ops=traffic_ops, delivery_services=True)
    with capture_logs() as events:
        for hour in range(3):
            assert daemon.catch_up(SETTLED + hour * HOUR).ok
    logged = [event for event in events if event["event"] == "summary_not_recorded"]
    assert [(event["day"], event["cdn"], event["zeros"]) for event in logged] == [("2026-11-20", "cdn1", 2)]
    assert posted(sim) == BOTH
    assert posts(sim) == 2
    assert len(daily_points(influx)) == 4


def test_late_data_turns_a_zero_into_a_record(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    write_day(influx, "cdn2", flat=0.0)
    summarizing = summarizer(influx, traffic_ops=traffic_ops)
    assert results(summarizing.run(SETTLED))[2:] == ["zero not recorded"] * 2
    write_day(influx, "cdn2", minutes=[], peaks={600: 2_500_000.0})
    assert results(summarizing.run(SETTLED))[2:] == ["created"] * 2
    assert [row[0] for row in posted(sim)[2:]] == ["cdn2", "cdn2"]


def test_a_zero_that_is_recorded_after_all_matches_and_any_other_value_differs(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    write_day(influx, "cdn2", flat=0.0)
    for stat, value in (("daily_maxgbps", 0.0), ("daily_bytesserved", 1.5)):
        sim.summaries.add(
            PostedSummary(
                cdn="cdn2",
                delivery_service="all",
                stat=stat,
                value=value,
                summary_time=datetime(2026, 11, 21, tzinfo=UTC),
                stat_date=DAY,
            )
        )
    summarizing = summarizer(influx, traffic_ops=traffic_ops)
    summarizing.run(SETTLED)
    assert results(summarizing.run(SETTLED))[2:] == ["unchanged", "differs"]


def test_a_dry_run_reports_a_zero_like_the_run(influx: Influx, traffic_ops: TrafficOps) -> None:
    write_day(influx, "cdn2", flat=0.0)
    summarizing = summarizer(influx, traffic_ops=traffic_ops)
    planned = summarizing.run(SETTLED, dry_run=True)
    assert results(planned) == [*["created"] * 2, *["zero not recorded"] * 2]
    assert summarizing.run(SETTLED) == planned


# --- when something fails


def test_a_post_whose_response_comes_too_late_is_not_repeated(influx: Influx, sim: Simulator) -> None:
    def late(body: bytes) -> bytes:
        if b"successfully created" in body:
            time.sleep(0.6)
        return body

    sim.faults.set(TRAFFIC_OPS, Fault.body(late), path="stats_summary")
    hasty = connected(sim, timeout=0.3)
    report = summarizer(influx, traffic_ops=hasty).run(SETTLED)
    hasty.close()
    assert {line.outcome.value for line in report.lines} == {"failed"}
    assert "did not answer in full within 0.3 s" in report.lines[0].error
    assert posted(sim) == BOTH[:1]
    sim.faults.clear()
    session = connected(sim)
    assert results(summarizer(influx, traffic_ops=session).run(SETTLED)) == ["unchanged", "created"]
    session.close()
    assert posted(sim) == BOTH


def test_a_cdn_that_fails_does_not_stop_the_others(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps, database_url: str
) -> None:
    write_day(influx, "cdn2", peaks={600: 2_500_000.0})
    sim.faults.set(TRAFFIC_OPS, Fault.status(500), path="cdnName=cdn1")
    rows = migrated(database_url)
    with capture_logs() as events:
        report = summarizer(influx, traffic_ops=traffic_ops, rows=rows).catch_up(SETTLED)
    assert not report.ok
    assert [(line.cdn, line.outcome.value) for line in report.lines] == [
        *[("cdn1", "failed")] * 2,
        *[("cdn2", "created")] * 2,
    ]
    assert "stats_summary answered 500: Service Unavailable" in report.lines[0].error
    assert {cdn for cdn, *_ in posted(sim)} == {"cdn2"}
    # The other sinks have the summaries of cdn1.
    assert len(sql_rows(database_url)) == len(daily_points(influx)) == 4
    assert [(event["event"], event["cdn"]) for event in events] == [
        ("summary_failed", "cdn1"),
        ("summarized", "cdn2"),
    ]


def test_an_outage_is_not_waited_for_once_per_day_and_cdn(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    for number in range(10):
        write_day(influx, f"cdn{number}", minutes=range(5))
    sim.faults.set(TRAFFIC_OPS, Fault.status(503), path="stats_summary")
    report = summarizer(influx, traffic_ops=traffic_ops).run(SETTLED)
    assert {line.outcome.value for line in report.lines} == {"failed"}
    assert len({line.cdn for line in report.lines}) == 10
    assert sum("stats_summary" in request.path for request in sim.requests) == 3
    assert len(daily_points(influx)) == 20


def test_a_wrong_password_is_reported_without_showing_it(influx: Influx, sim: Simulator) -> None:
    session = TrafficOps(sim.traffic_ops_url, user="admin", password=Secret("correct-horse"), timeout=5)
    report = summarizer(influx, traffic_ops=session).run(SETTLED)
    session.close()
    assert "rejected the user 'admin' or its password" in report.lines[0].error
    assert "correct-horse" not in repr(report)


def test_with_both_sinks_both_get_the_day(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps, database_url: str
) -> None:
    rows = migrated(database_url)
    summarizing = summarizer(influx, traffic_ops=traffic_ops, rows=rows)
    assert results(summarizing.run(SETTLED)) == ["created", "created"]
    assert posted(sim) == BOTH
    assert len(sql_rows(database_url)) == 2
    assert results(summarizing.run(SETTLED)) == ["unchanged", "unchanged"]


class _SameTable(TrafficOps):
    """A Traffic Ops whose database is the one that the rows are written to."""

    def __init__(self, rows: SummaryRows) -> None:
        super().__init__("http://127.0.0.1:9", user="", password=Secret(), timeout=1)
        self._rows = rows

    def summaries(self, *, cdn: str, stat: str) -> list[DayRecord]:
        return [
            DayRecord(**key._asdict(), value=value)
            for day in (date(2026, 11, 19), DAY)
            for key, value in self._rows.values(day, cdn=cdn).items()
            if key.stat == stat
        ]

    def record_summary(self, record: DayRecord, *, at: datetime) -> None:
        del at
        if record.day in {held.day for held in self.summaries(cdn=record.cdn, stat=record.stat)}:
            raise RefusedError("the key refuses a second row")


def test_with_both_sinks_on_one_table_no_written_row_is_posted(
    influx: Influx, postgres: Postgres, postgres_database: str
) -> None:
    write_day(influx, "cdn1", day=date(2026, 11, 19))
    rows = migrated(postgres.url(postgres_database))
    same = _SameTable(rows)
    report = summarizer(influx, traffic_ops=same, rows=rows).run(SETTLED)
    assert results(report) == ["created"] * 4
    assert results(summarizer(influx, traffic_ops=same, rows=rows).run(SETTLED)) == ["unchanged"] * 4


def test_a_dry_run_posts_nothing(influx: Influx, sim: Simulator, traffic_ops: TrafficOps) -> None:
    assert results(summarizer(influx, traffic_ops=traffic_ops).run(SETTLED, dry_run=True)) == ["created"] * 2
    assert posts(sim) == 0
    assert daily_points(influx) == {}


def test_a_response_that_is_not_a_summary_is_an_error(
    influx: Influx, sim: Simulator, traffic_ops: TrafficOps
) -> None:
    broken = Fault.body(lambda body: body.replace(b"2026-11-20", b"yesterday!"))
    summarizer(influx, traffic_ops=traffic_ops).run(SETTLED)
    sim.faults.set(TRAFFIC_OPS, broken, path="stats_summary?")
    report = summarizer(influx, traffic_ops=traffic_ops).run(SETTLED)
    assert "a record of stats_summary has an invalid date: 'yesterday!'" in report.lines[0].error
