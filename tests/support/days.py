"""Days of one-minute values as a test states them, and what became of them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

import sqlalchemy as sa
import structlog

from tstats import catalog
from tstats.core.secret import Secret
from tstats.core.time import MINUTE
from tstats.db.database import Database
from tstats.db.migrations import Migrations
from tstats.db.tables import STATS_SUMMARY
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database, create_retention_policy, identifier
from tstats.summaries.report import Report
from tstats.summaries.rows import Summaries
from tstats.summaries.summarizer import Summarizer
from tstats.traffic_control.traffic_ops import TrafficOps

DAY = date(2026, 11, 20)
NEXT = date(2026, 11, 21)
MINUTES = 1_440
Row = tuple[str, str, str, str]

# 1,440 minutes of 1,000,000 kbps, and one of 2,500,000: (1,439 * 1,000,000 + 2,500,000) * 60 / 8 / 10^9.
PEAK = {20 * 60 + 15: 2_500_000.0}
PEAK_TB = 10.81125
FLAT_TB = 10.8


def seconds(text: str) -> float:
    """A moment of UTC, such as `2026-11-21 00:10`, in seconds since the epoch."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


SETTLED = seconds("2026-11-21 00:10")


def make_databases(influx: Influx) -> None:
    """The databases and policies of the catalog; nothing expires, since the days of the tests are fixed."""
    for database in catalog.DATABASES:
        influx.query(create_database(database.name))
        for policy in database.policies:
            keep_all = create_retention_policy(
                database.name, policy.name, keep=0, replication=1, default=policy.default
            )
            influx.query(keep_all)


def write_day(
    influx: Influx,
    cdn: str,
    *,
    day: date = DAY,
    flat: float = 1_000_000.0,
    peaks: Mapping[int, float] | None = None,
    minutes: Iterable[int] = range(MINUTES),
    deliveryservice: str | None = None,
) -> None:
    """The same value in each minute of a day, but for the peaks, by the number of their minute."""
    values = dict.fromkeys(minutes, flat) | dict(peaks or {})
    start = round(seconds(f"{day} 00:00")) * 10**9
    source = catalog.CDN_DAYS if deliveryservice is None else catalog.DELIVERYSERVICE_DAYS
    tags = f"cdn={cdn}"
    if deliveryservice is not None:
        tags = f"cachegroup=total,{tags},deliveryservice={deliveryservice}"
    lines = [
        f"{source.measurement},{tags} value={value} {start + minute * MINUTE}"
        for minute, value in values.items()
    ]
    influx.write("\n".join(lines).encode(), database=source.database, policy=source.policy)


def migrated(url: str) -> Summaries:
    """The repository of a database whose schema is up to date."""
    database = Database(Secret(url))
    Migrations(database).upgrade()
    return Summaries(database)


def summarizer(
    *influxes: Influx,
    rows: Summaries | None = None,
    traffic_ops: TrafficOps | None = None,
    policy: str = catalog.INDEFINITE,
    write_all: bool = False,
    delivery_services: bool = False,
) -> Summarizer:
    """One as a daemon has it."""
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    return Summarizer(
        influxes=influxes,
        rows=rows,
        traffic_ops=traffic_ops,
        policy=policy,
        write_all=write_all,
        delivery_services=delivery_services,
        log=log,
    )


def sql_rows(url: str) -> dict[Row, float]:
    """Every row by (date, CDN, delivery service, stat).

    Raises:
        AssertionError: there are two rows of one key.
    """
    with Database(Secret(url)).connect() as connection:
        found = connection.execute(
            sa.text(
                "SELECT stat_date, cdn_name, deliveryservice_name, stat_name, stat_value FROM stats_summary"
            )
        ).all()
    rows = {(str(day), cdn, service, stat): value for day, cdn, service, stat, value in found}
    assert len(rows) == len(found), found
    return rows


def daily_points(influx: Influx, policy: str = catalog.INDEFINITE) -> dict[Row, float]:
    """Every point of daily_stats by (minute, CDN, delivery service, stat)."""
    found: dict[Row, float] = {}
    for stat in catalog.DAILY_SUMMARIES:
        origin = f"{identifier(policy)}.{identifier(stat.name)}"
        for series in influx.query(f"SELECT value FROM {origin} GROUP BY *", database=catalog.DAILY_STATS):
            for time, value in series.values:
                minute = f"{datetime.fromtimestamp(time // 10**9, UTC):%Y-%m-%d %H:%M}"
                found[minute, series.tags["cdn"], series.tags["deliveryservice"], stat.name] = value
    return found


def times(url: str) -> set[str]:
    """When the rows were made or corrected."""
    with Database(Secret(url)).connect() as connection:
        return {str(time) for time in connection.scalars(sa.select(STATS_SUMMARY.c.summary_time))}


def outcomes(report: Report) -> dict[tuple[str, str, str], str]:
    """What became of each day, CDN and statistic of a run that went through."""
    assert report.problems == ()
    return {(str(line.day), line.cdn, line.stat): line.outcome.value for line in report.lines}
