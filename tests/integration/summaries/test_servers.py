"""Summaries when something is missing, with several servers, and on the schedule of a daemon."""

from datetime import timedelta

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.days import (
    DAY,
    NEXT,
    PEAK,
    SETTLED,
    at,
    daily_points,
    make_databases,
    migrated,
    outcomes,
    sql_rows,
    summarizer,
    write_day,
)
from tests.support.influxd import Influxd
from tests.support.postgres import Postgres
from tests.support.stand_in import Reply, Request, StandIn, passed_on
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.core.time import MINUTE
from tstats.db.database import Database
from tstats.errors import ConfigError, DatabaseError
from tstats.influx.client import Endpoint, Influx
from tstats.summaries.build import build_summarizer
from tstats.summaries.rows import SummaryRows
from tstats.summaries.sinks import SummaryOutcome

# --- failures


def test_a_database_that_is_not_set_up_names_the_remedy(influx: Influx, database_url: str) -> None:
    write_day(influx, "cdn1")
    summarizing = summarizer(influx, rows=SummaryRows(Database(Secret(database_url))))
    with pytest.raises(DatabaseError, match="not set up for tstats yet; run: tstats db upgrade"):
        summarizing.check()
    (problem,) = summarizing.run(SETTLED).problems
    assert problem.endswith("not set up for tstats yet; run: tstats db upgrade")
    assert daily_points(influx) == {}


def test_an_influxdb_without_the_databases_names_the_remedy(influxd: Influxd) -> None:
    server = Influx(Endpoint(url=influxd.url))
    for name in ("cache_stats", "daily_stats", "deliveryservice_stats"):
        server.query(f"DROP DATABASE {name}")
    report = summarizer(server).run(SETTLED)
    server.close()
    assert "database not found: cache_stats" in report.problems[0]


def test_a_missing_policy_names_the_remedy(influx: Influx) -> None:
    influx.query("DROP RETENTION POLICY monthly ON cache_stats")
    (problem,) = summarizer(influx).run(SETTLED).problems
    assert problem.endswith("has no retention policy monthly of cache_stats; run create_ts_databases")


def test_a_role_with_only_the_documented_privileges_can_summarize(
    influx: Influx, postgres: Postgres, postgres_database: str
) -> None:
    migrated(postgres.url(postgres_database))
    write_day(influx, "cdn1", peaks=PEAK)
    with postgres.connect(postgres_database) as connection:
        connection.execute("CREATE ROLE summarizing LOGIN")
        rows = SummaryRows(Database(Secret(postgres.url(postgres_database, user="summarizing"))))
        (problem,) = summarizer(influx, rows=rows).run(SETTLED).problems
        assert "permission denied for table tstats_alembic_version; connect as the role that owns" in problem
        connection.execute(
            "GRANT SELECT, INSERT, UPDATE ON stats_summary TO summarizing;"
            "GRANT USAGE ON SEQUENCE stats_summary_id_seq TO summarizing;"
            "GRANT SELECT ON tstats_alembic_version TO summarizing"
        )
        assert summarizer(influx, rows=rows).run(SETTLED).ok
        write_day(influx, "cdn1", minutes=[], peaks={100: 3_000_000.0})
        assert summarizer(influx, rows=rows).run(SETTLED).ok
        connection.execute("DROP OWNED BY summarizing; DROP ROLE summarizing")
    assert sql_rows(postgres.url(postgres_database))["2026-11-20", "cdn1", "all", "daily_maxgbps"] == 3.0


# --- several servers


def test_the_first_server_that_answers_is_read_and_gets_the_points(
    influx: Influx, other_influx: Influx
) -> None:
    make_databases(other_influx)
    write_day(influx, "cdn1")
    write_day(other_influx, "cdn1")
    nobody = Influx(Endpoint(url="http://127.0.0.1:9"))
    assert summarizer(nobody, other_influx, influx).run(SETTLED).ok
    assert (len(daily_points(other_influx)), daily_points(influx)) == (2, {})
    (problem,) = summarizer(nobody).run(SETTLED).problems
    assert problem.startswith("http://127.0.0.1:9/ping cannot be reached")


def test_in_mode_all_every_server_gets_the_points_and_one_that_is_down_gets_them_later(
    influx: Influx, other_influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    make_databases(other_influx)
    write_day(influx, "cdn1", peaks=PEAK)
    down = Influx(Endpoint(url="http://127.0.0.1:9"))
    report = summarizer(influx, down, rows=rows, write_all=True).run(SETTLED)
    assert {line.outcome for line in report.lines} == {SummaryOutcome.FAILED}
    assert "http://127.0.0.1:9" in report.lines[0].error
    assert (len(daily_points(influx)), len(sql_rows(database_url))) == (2, 2)
    assert set(
        outcomes(summarizer(influx, other_influx, rows=rows, write_all=True).run(SETTLED)).values()
    ) == {"updated"}
    assert daily_points(other_influx) == daily_points(influx)


def test_without_a_policy_the_database_s_default_is_used(influx: Influx) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    influx.query("CREATE RETENTION POLICY other ON daily_stats DURATION INF REPLICATION 1 DEFAULT")
    summarizer(influx, policy="").run(SETTLED)
    write_day(influx, "cdn1", minutes=[], peaks={100: 3_000_000.0})
    summarizer(influx, policy="").run(SETTLED)
    assert len(daily_points(influx, "other")) == 2
    assert daily_points(influx) == {}


def test_a_configuration_with_udp_only_is_wrong() -> None:
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    with pytest.raises(ConfigError, match="influxUrls: summaries are read over HTTP"):
        build_summarizer(Settings(influx_urls=["udp://127.0.0.1:8089"]), log)


# --- the schedule of a daemon


def test_while_nothing_is_due_a_daemon_s_call_sends_no_request(influx: Influx, rows: SummaryRows) -> None:
    write_day(influx, "cdn1", day=DAY - timedelta(days=5))
    write_day(influx, "cdn1")
    write_day(influx, "cdn1", day=NEXT)
    with StandIn(lambda request: passed_on(request, influx.url)) as server, capture_logs() as events:
        daemon = summarizer(Influx(Endpoint(url=server.url)), rows=rows)

        def days_at(now: str) -> set[str]:
            before = len(server.requests)
            report = daemon.catch_up(at(now))
            assert report.ok
            assert bool(report.lines) == (len(server.requests) > before)
            return {str(line.day) for line in report.lines}

        everything = {f"2026-11-{day}" for day in range(15, 21)}
        assert days_at("2026-11-21 00:20") == everything
        for now in ("00:21", "00:25", "00:29:59"):
            assert days_at(f"2026-11-21 {now}") == set()
        assert days_at("2026-11-21 00:30") == {"2026-11-19", "2026-11-20"}  # those that late data may change
        assert days_at("2026-11-21 12:00") == {"2026-11-20"}
        assert days_at("2026-11-21 23:58") == {"2026-11-20"}
        assert days_at("2026-11-22 00:07:59") == set()
        assert days_at("2026-11-22 00:08") == {"2026-11-20"}
        assert days_at("2026-11-22 00:10") == everything | {"2026-11-21"}
        assert days_at("2026-11-20 12:00") == everything - {"2026-11-20"}  # the clock was set back
        daemon.close()
    assert [(event["event"], event.get("day")) for event in events if event["log_level"] == "info"] == [
        ("summarized", "2026-11-15"),
        ("summarized", "2026-11-20"),
        ("summarized", "2026-11-21"),
    ]
    assert [(event["event"], event["days"]) for event in events if event["log_level"] == "warning"] == [
        ("summary_without_points", 4)
    ]


def test_after_a_failure_everything_is_tried_again_first_after_a_minute(influx: Influx) -> None:
    write_day(influx, "cdn1")
    down = True

    def answer(request: Request) -> Reply:
        return Reply(status=503) if down else passed_on(request, influx.url)

    with StandIn(answer) as server, capture_logs() as events:
        daemon = summarizer(Influx(Endpoint(url=server.url)))
        tried = []
        for minute in range(30):
            before = len(server.requests)
            daemon.catch_up(SETTLED + minute * MINUTE)
            if len(server.requests) > before:
                tried.append(minute)
        assert tried == [0, 1, 3, 7, 15, 25]
        down = False
        assert daemon.catch_up(SETTLED + 35 * MINUTE).ok
        daemon.close()
    assert [event["event"] for event in events] == ["summary_failed"] * 6 + ["summarized"]
    assert len(daily_points(influx)) == 2
