"""A day is summarized exactly once: after reruns, late data and crashes, and next to other processes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from tests.support.days import (
    DAY,
    PEAK,
    SETTLED,
    daily_points,
    migrated,
    outcomes,
    sql_rows,
    summarizer,
    times,
    write_day,
)
from tests.support.postgres import Postgres
from tests.support.stand_in import Reply, Request, StandIn, passed_on
from tstats.core.secret import Secret
from tstats.core.time import HOUR, MINUTE
from tstats.db.database import Database
from tstats.db.tables import STATS_SUMMARY
from tstats.influx.client import Endpoint, Influx
from tstats.summaries.day import Summary, SummaryKey, window_of
from tstats.summaries.rows import SummaryRows
from tstats.summaries.sinks import SummaryOutcome

# --- exactly once


def test_a_second_run_changes_nothing(influx: Influx, rows: SummaryRows, database_url: str) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    summarizer(influx, rows=rows).run(SETTLED)
    before = daily_points(influx), sql_rows(database_url), times(database_url)
    with StandIn(lambda request: passed_on(request, influx.url)) as server:
        again = summarizer(Influx(Endpoint(url=server.url)), rows=rows)
        assert set(outcomes(again.run(SETTLED + HOUR)).values()) == {"unchanged"}
        again.close()
        assert [request.path for request in server.requests if request.path.startswith("/write")] == []
        assert [request for request in server.requests if b"DELETE" in request.body] == []
    assert (daily_points(influx), sql_rows(database_url), times(database_url)) == before


def test_late_data_corrects_the_row_and_moves_the_point(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    write_day(influx, "cdn2")
    write_day(influx, "cdn1", day=DAY - timedelta(days=1), peaks=PEAK)
    summarizer(influx, rows=rows).run(SETTLED)
    others = {
        key: value for key, value in daily_points(influx).items() if key[:2] != ("2026-11-20 20:15", "cdn1")
    }
    write_day(influx, "cdn1", minutes=[], peaks={100: 3_000_000.0})
    report = summarizer(influx, rows=rows).run(SETTLED + MINUTE)
    changed = {key: outcome for key, outcome in outcomes(report).items() if outcome == "updated"}
    assert changed == {
        ("2026-11-20", "cdn1", "daily_maxgbps"): "updated",
        ("2026-11-20", "cdn1", "daily_bytesserved"): "updated",
    }
    more = (1_438 * 1_000_000 + 2_500_000 + 3_000_000) * 60 / 8 / 10**9
    assert sql_rows(database_url)["2026-11-20", "cdn1", "all", "daily_maxgbps"] == 3.0
    assert sql_rows(database_url)["2026-11-20", "cdn1", "all", "daily_bytesserved"] == more
    assert daily_points(influx) == others | {
        ("2026-11-20 01:40", "cdn1", "all", "daily_maxgbps"): 3.0,
        ("2026-11-20 00:00", "cdn1", "all", "daily_bytesserved"): more,
    }
    assert times(database_url) == {"2026-11-21 00:10:00+00:00", "2026-11-21 00:11:00+00:00"}


def test_the_figures_of_go_s_tool_are_corrected(influx: Influx, rows: SummaryRows, database_url: str) -> None:
    # Go leaves out the first minute, which gives another sum, and for this day another maximum.
    write_day(influx, "cdn1", peaks={0: 2e6, 600: 1.5e6})
    start = window_of(DAY).start
    influx.write(
        f"daily_maxgbps,cdn=cdn1,deliveryservice=all value=1.5 {start + 600 * MINUTE}\n"
        f"daily_bytesserved,cdn=cdn1,deliveryservice=all value=10.79 {start}".encode(),
        database="daily_stats",
        policy="indefinite",
    )
    with rows.exclusively() as writer:
        assert writer is not None
        summaries = [
            Summary(key=SummaryKey("cdn1", "all", stat, DAY), value=value, time=0)
            for stat, value in (("daily_maxgbps", 1.5), ("daily_bytesserved", 10.79))
        ]
        writer.save(summaries, at=datetime(2026, 11, 21, tzinfo=UTC))
    assert set(outcomes(summarizer(influx, rows=rows).run(SETTLED)).values()) == {"updated"}
    total = (1_438 * 10**6 + 2 * 10**6 + 1_500_000) * 60 / 8 / 10**9
    assert list(sql_rows(database_url).values()) == [2.0, total]
    assert daily_points(influx) == {
        ("2026-11-20 00:00", "cdn1", "all", "daily_maxgbps"): 2.0,
        ("2026-11-20 00:00", "cdn1", "all", "daily_bytesserved"): total,
    }


def test_writing_the_same_value_again_changes_nothing(rows: SummaryRows, database_url: str) -> None:
    summary = Summary(key=SummaryKey("cdn1", "all", "daily_maxgbps", DAY), value=1.5, time=0)
    with rows.exclusively() as writer:
        assert writer is not None
        for number in range(1, 3):
            writer.save([summary], at=datetime(2026, 11, 21, number, tzinfo=UTC))
        assert times(database_url) == {"2026-11-21 01:00:00+00:00"}
        writer.save([replace(summary, value=2.5)], at=datetime(2026, 11, 21, 3, tzinfo=UTC))
    assert times(database_url) == {"2026-11-21 03:00:00+00:00"}
    assert list(sql_rows(database_url).values()) == [2.5]


@pytest.mark.parametrize("broken", ["write", "DELETE"])
def test_the_next_run_completes_what_a_failure_left_undone(
    influx: Influx, rows: SummaryRows, database_url: str, broken: str
) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    summarizer(influx, rows=rows).run(SETTLED)
    write_day(influx, "cdn1", minutes=[], peaks={100: 3_000_000.0})

    def answer(request: Request) -> Reply:
        if broken in request.path or broken.encode() in request.body:
            return Reply(status=503)
        return passed_on(request, influx.url)

    with StandIn(answer) as server:
        failing = summarizer(Influx(Endpoint(url=server.url)), rows=rows)
        report = failing.run(SETTLED)
        failing.close()
    assert not report.ok
    assert {line.outcome for line in report.lines} == {SummaryOutcome.FAILED}
    assert sql_rows(database_url)["2026-11-20", "cdn1", "all", "daily_maxgbps"] == 3.0
    maxima = {key for key in daily_points(influx) if key[3] == "daily_maxgbps"}
    assert len(maxima) == (1 if broken == "write" else 2)  # one too many for a while, never none
    assert (
        outcomes(summarizer(influx, rows=rows).run(SETTLED))["2026-11-20", "cdn1", "daily_maxgbps"]
        == "updated"
    )
    assert {key[0] for key in daily_points(influx)} == {"2026-11-20 01:40", "2026-11-20 00:00"}
    assert len(sql_rows(database_url)) == 2


def test_a_lost_point_or_row_is_created_again(influx: Influx, rows: SummaryRows, database_url: str) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    summarizer(influx, rows=rows).run(SETTLED)
    before = daily_points(influx), sql_rows(database_url)
    influx.query("DROP MEASUREMENT daily_maxgbps", database="daily_stats")
    assert outcomes(summarizer(influx, rows=rows).run(SETTLED)) == {
        ("2026-11-20", "cdn1", "daily_maxgbps"): "updated",
        ("2026-11-20", "cdn1", "daily_bytesserved"): "unchanged",
    }
    with Database(Secret(database_url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.delete(STATS_SUMMARY))
    assert set(outcomes(summarizer(influx, rows=rows).run(SETTLED)).values()) == {"created"}
    assert (daily_points(influx), sql_rows(database_url)) == before


def test_a_dry_run_reports_the_same_and_does_nothing(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    planned = summarizer(influx, rows=rows).run(SETTLED, dry_run=True)
    assert (daily_points(influx), sql_rows(database_url)) == ({}, {})
    assert summarizer(influx, rows=rows).run(SETTLED) == planned


def test_nothing_is_done_while_another_session_summarizes(
    influx: Influx, postgres: Postgres, postgres_database: str
) -> None:
    url = postgres.url(postgres_database)
    write_day(influx, "cdn1")
    with migrated(url).exclusively() as writer:
        assert writer is not None
        report = summarizer(influx, rows=SummaryRows(Database(Secret(url)))).run(SETTLED)
    assert (report.busy, report.ok, report.lines) == (True, False, ())
    assert report.problems[0].endswith("another process is summarizing; try again once it has finished")
    assert summarizer(influx, rows=SummaryRows(Database(Secret(url)))).run(SETTLED).ok


def test_a_run_that_waits_for_another_session_goes_on_once_that_has_ended(
    influx: Influx, postgres: Postgres, postgres_database: str
) -> None:
    url = postgres.url(postgres_database)
    write_day(influx, "cdn1")
    with ThreadPoolExecutor(1) as background:
        with migrated(url).exclusively():
            waiting = background.submit(
                summarizer(influx, rows=SummaryRows(Database(Secret(url)))).run, SETTLED, wait=20
            )
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        assert waiting.result(timeout=20).ok


def test_the_lock_is_free_again_as_soon_as_a_run_has_ended(rows: SummaryRows) -> None:
    for _ in range(200):  # about one in fifty found a session that was still ending
        with rows.exclusively() as writer:
            assert writer is not None
