"""Days summarized on a real InfluxDB, PostgreSQL and SQLite: the right days, and the right figures."""

from datetime import date, timedelta

from tests.support.days import (
    DAY,
    FLAT_TB,
    NEXT,
    PEAK,
    PEAK_TB,
    SETTLED,
    at,
    daily_points,
    outcomes,
    sql_rows,
    summarizer,
    times,
    write_day,
)
from tstats.core.time import SECOND
from tstats.influx.client import Influx
from tstats.summaries.report import SummaryReport
from tstats.summaries.rows import SummaryRows
from tstats.summaries.sinks import SummaryOutcome

# --- the figures


def test_a_day_of_two_cdns_gives_a_row_and_a_point_per_cdn_and_statistic(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    write_day(influx, "cdn1", peaks=PEAK)
    write_day(influx, "cdn2", flat=400_000.0, peaks={0: 750_096.0})
    report = summarizer(influx, rows=rows).run(SETTLED)
    assert set(outcomes(report).values()) == {"created"}
    assert sql_rows(database_url) == {
        ("2026-11-20", "cdn1", "all", "daily_maxgbps"): 2.5,
        ("2026-11-20", "cdn1", "all", "daily_bytesserved"): PEAK_TB,
        ("2026-11-20", "cdn2", "all", "daily_maxgbps"): 0.750096,
        ("2026-11-20", "cdn2", "all", "daily_bytesserved"): (1_439 * 400_000 + 750_096) * 60 / 8 / 10**9,
    }
    assert daily_points(influx) == {
        ("2026-11-20 20:15", "cdn1", "all", "daily_maxgbps"): 2.5,
        ("2026-11-20 00:00", "cdn1", "all", "daily_bytesserved"): PEAK_TB,
        ("2026-11-20 00:00", "cdn2", "all", "daily_maxgbps"): 0.750096,
        ("2026-11-20 00:00", "cdn2", "all", "daily_bytesserved"): (1_439 * 400_000 + 750_096)
        * 60
        / 8
        / 10**9,
    }


def test_the_first_and_last_minute_count_and_those_outside_the_day_do_not(influx: Influx) -> None:
    write_day(influx, "cdn1", peaks={-1: 9e9, 0: 2_000_000.0, 1_439: 3_000_000.0, 1_440: 9e9})
    report = summarizer(influx).run(SETTLED, only=DAY)
    assert [line.value for line in report.lines] == [3.0, (1_438 + 2 + 3) * 10**6 * 60 / 8 / 10**9]


def test_the_first_of_equal_maxima_counts(influx: Influx) -> None:
    write_day(influx, "cdn1", peaks={600: 2e6, 60: 2e6, 1_200: 2e6})
    summarizer(influx).run(SETTLED)
    assert ("2026-11-20 01:00", "cdn1", "all", "daily_maxgbps") in daily_points(influx)


def test_rows_record_when_they_were_created(influx: Influx, rows: SummaryRows, database_url: str) -> None:
    write_day(influx, "cdn1")
    summarizer(influx, rows=rows).run(SETTLED + 5 * SECOND)
    assert times(database_url) == {"2026-11-21 00:10:05+00:00"}


def test_delivery_services_are_summarized_like_cdns(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    write_day(influx, "cdn1")
    write_day(influx, "cdn1", deliveryservice="sports", flat=1_000.0, peaks={1: 8_000.0})
    write_day(influx, "cdn1", deliveryservice="all", flat=77.0)  # the name that stands for the whole CDN
    report = summarizer(influx, rows=rows, delivery_services=True).run(SETTLED)
    assert report.ok
    assert sql_rows(database_url) == {
        ("2026-11-20", "cdn1", "all", "daily_maxgbps"): 1.0,
        ("2026-11-20", "cdn1", "all", "daily_bytesserved"): FLAT_TB,
        ("2026-11-20", "cdn1", "sports", "daily_maxgbps"): 0.008,
        ("2026-11-20", "cdn1", "sports", "daily_bytesserved"): (1_439 * 1_000 + 8_000) * 60 / 8 / 10**9,
    }
    assert ("2026-11-20 00:01", "cdn1", "sports", "daily_maxgbps") in daily_points(influx)
    assert len(daily_points(influx)) == 4


def test_delivery_services_are_not_summarized_by_default(influx: Influx) -> None:
    write_day(influx, "cdn1")
    write_day(influx, "cdn1", deliveryservice="sports")
    summarizer(influx).run(SETTLED)
    assert {service for _, _, service, _ in daily_points(influx)} == {"all"}


# --- which days


def test_all_missed_days_are_caught_up_oldest_first_and_the_unsettled_one_waits(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    days = [DAY - timedelta(days=3), DAY - timedelta(days=2), DAY, NEXT]
    for number, day in enumerate(days):
        write_day(influx, "cdn1", day=day, flat=1e6 * (number + 1), minutes=range(0, 1_440, 30))
    report = summarizer(influx, rows=rows).run(SETTLED)
    assert [(str(line.day), line.outcome.value) for line in report.lines] == [
        ("2026-11-17", "created"),
        ("2026-11-17", "created"),
        ("2026-11-18", "created"),
        ("2026-11-18", "created"),
        ("2026-11-19", "no points"),
        ("2026-11-20", "created"),
        ("2026-11-20", "created"),
    ]
    assert sorted({day for day, *_ in sql_rows(database_url)}) == ["2026-11-17", "2026-11-18", "2026-11-20"]
    before_settled = summarizer(influx, rows=rows).run(at("2026-11-22 00:09:59"))
    assert NEXT not in {line.day for line in before_settled.lines}
    assert (
        outcomes(summarizer(influx, rows=rows).run(at("2026-11-22 00:10")))[
            "2026-11-21", "cdn1", "daily_maxgbps"
        ]
        == "created"
    )


def test_one_day_or_all_days_since_one_can_be_chosen(influx: Influx) -> None:
    for number in range(4):
        write_day(influx, "cdn1", day=DAY - timedelta(days=number), minutes=range(10))
    summarizing = summarizer(influx)
    only = summarizing.run(SETTLED, only=date(2026, 11, 18), dry_run=True)
    since = summarizing.run(SETTLED, since=date(2026, 11, 19), dry_run=True)
    assert {str(line.day) for line in only.lines} == {"2026-11-18"}
    assert {str(line.day) for line in since.lines} == {"2026-11-19", "2026-11-20"}


def test_a_day_whose_points_have_begun_to_expire_is_left_as_recorded(influx: Influx) -> None:
    now = at("2026-11-21 12:00")
    for number in (1, 29, 30, 31):
        write_day(influx, "cdn1", day=NEXT - timedelta(days=number), minutes=range(800, 810))
    influx.query("ALTER RETENTION POLICY monthly ON cache_stats DURATION 720h")  # 30 days
    report = summarizer(influx).run(now, dry_run=True)
    assert {str(line.day) for line in report.lines if line.stat} == {"2026-10-23", "2026-11-20"}
    (problem,) = summarizer(influx).run(now, only=date(2026, 10, 22), dry_run=True).problems
    assert problem.startswith("2026-10-22: points of that day have expired; monthly of cache_stats at http")


def test_a_cdn_without_points_gets_no_row_and_is_reported(
    influx: Influx, rows: SummaryRows, database_url: str
) -> None:
    write_day(influx, "cdn1")
    write_day(influx, "cdn2", day=DAY - timedelta(days=1))
    report = summarizer(influx, rows=rows).run(SETTLED, only=DAY)
    assert report.ok
    assert [
        (line.cdn, line.stat, line.value) for line in report.lines if line.outcome is SummaryOutcome.NO_POINTS
    ] == [("cdn2", "", None)]
    assert {cdn for _, cdn, *_ in sql_rows(database_url)} == {"cdn1"}


def test_without_points_there_is_nothing_to_do(influx: Influx, rows: SummaryRows) -> None:
    assert summarizer(influx, rows=rows).run(SETTLED) == SummaryReport()
