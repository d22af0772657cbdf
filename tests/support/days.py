"""Days of one-minute values for tests of summaries, and what is recorded of them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime

import sqlalchemy as sa
import structlog

from tstats import catalog
from tstats.core.secret import Secret
from tstats.core.time import MINUTE, SECOND, parse_user_time
from tstats.db.database import Database
from tstats.db.migrations import Migrations
from tstats.db.tables import STATS_SUMMARY
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database, create_retention_policy, identifier
from tstats.summaries.day import window_of
from tstats.summaries.report import SummaryReport
from tstats.summaries.rows import SummaryRows
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


def at(text: str) -> int:
    """Return a time in UTC, such as `2026-11-21 00:10`, in ns since the epoch."""
    return parse_user_time(text)


SETTLED = at("2026-11-21 00:10")


def make_databases(influx: Influx) -> None:
    """Create the databases and policies of the catalog; nothing expires, as the tests' days are fixed."""
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
    """Write the same value for each minute of a day, except for the peaks, given by minute of the day."""
    values = dict.fromkeys(minutes, flat) | dict(peaks or {})
    start = window_of(day).start
    source = catalog.CDN_DAYS if deliveryservice is None else catalog.DELIVERYSERVICE_DAYS
    tags = f"cdn={cdn}"
    if deliveryservice is not None:
        tags = f"cachegroup=total,{tags},deliveryservice={deliveryservice}"
    lines = [
        f"{source.measurement},{tags} value={value} {start + minute * MINUTE}"
        for minute, value in values.items()
    ]
    influx.write("\n".join(lines).encode(), database=source.database, policy=source.policy)


def migrated(url: str) -> SummaryRows:
    """Return the rows of a database after migrating it to the newest schema."""
    database = Database(Secret(url))
    Migrations(database).upgrade()
    return SummaryRows(database)


def summarizer(
    *influxes: Influx,
    rows: SummaryRows | None = None,
    traffic_ops: TrafficOps | None = None,
    policy: str = catalog.INDEFINITE,
    write_all: bool = False,
    delivery_services: bool = False,
) -> Summarizer:
    """Return a summarizer like that of a daemon."""
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
    """Return every row by (date, CDN, delivery service, stat).

    Raises:
        AssertionError: two rows have the same key.
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
    """Return every point of daily_stats by (minute, CDN, delivery service, stat)."""
    found: dict[Row, float] = {}
    for stat in catalog.DAILY_SUMMARIES:
        origin = f"{identifier(policy)}.{identifier(stat.name)}"
        for series in influx.query(f"SELECT value FROM {origin} GROUP BY *", database=catalog.DAILY_STATS):
            for time, value in series.values:
                minute = f"{datetime.fromtimestamp(time // SECOND, UTC):%Y-%m-%d %H:%M}"
                found[minute, series.tags["cdn"], series.tags["deliveryservice"], stat.name] = value
    return found


def times(url: str) -> set[str]:
    """Return the times at which the rows were created or corrected."""
    with Database(Secret(url)).connect() as connection:
        return {str(time) for time in connection.scalars(sa.select(STATS_SUMMARY.c.summary_time))}


def outcomes(report: SummaryReport) -> dict[tuple[str, str, str], str]:
    """Return the outcome for each day, CDN and statistic of a run without problems."""
    assert report.problems == ()
    return {(str(line.day), line.cdn, line.stat): line.outcome.value for line in report.lines}
