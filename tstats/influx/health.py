"""What an InfluxDB reports about itself: its settings, its counters, and how old its newest points are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tstats.influx import health_statements as influxql_health
from tstats.influx.client import Influx


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseHealth:
    """One database; figures of what the server does not count are 0.

    Attributes:
        series: how many it has in its index.
        disk_bytes: of its shards and their logs.
        dropped: points of writes that were dropped since the server's start.
    """

    series: int = 0
    disk_bytes: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """One server.

    Attributes:
        runs_continuous_queries, drops_expired: whether these services are on; None where it does not tell.
        most_series: in a database, `max-series-per-database`; 0 is no limit.
        most_cached: of writes not yet in files, of one shard, in bytes; 0 is no limit.
        cached: the most that a shard holds of those.
        queries_failed, queries_done: runs of continuous queries since its start.
        databases: by name.
    """

    runs_continuous_queries: bool | None = None
    drops_expired: bool | None = None
    most_series: int = 0
    most_cached: int = 0
    cached: int = 0
    queries_failed: int = 0
    queries_done: int = 0
    databases: Mapping[str, DatabaseHealth] = field(default_factory=dict)


def read_health(influx: Influx) -> ServerHealth:
    """Ask for settings and counters.

    Raises:
        ServerError: the server cannot be reached or, a RefusedError, the user is no administrator.
    """
    parts = {series.name: series.rows()[0] for series in influx.query(influxql_health.show_diagnostics())}
    data: Mapping[str, Any] = parts.get("config-data", {})
    queries: Mapping[str, Any] = {}
    cached = 0
    databases: dict[str, DatabaseHealth] = {}
    for series in influx.query(influxql_health.show_stats()):
        row = series.rows()[0]
        name = series.tags.get("database", "")
        known = databases.get(name, DatabaseHealth())
        if series.name == "cq":
            queries = row
        elif series.name == "tsm1_cache":
            cached = max(cached, row.get("memBytes", 0))
        elif series.name == "database":
            databases[name] = DatabaseHealth(
                series=row.get("numSeries", 0), disk_bytes=known.disk_bytes, dropped=known.dropped
            )
        elif series.name == "shard":
            databases[name] = DatabaseHealth(
                series=known.series,
                disk_bytes=known.disk_bytes + row.get("diskBytes", 0),
                dropped=known.dropped + row.get("writePointsDropped", 0),
            )
    return ServerHealth(
        runs_continuous_queries=parts.get("config-cqs", {}).get("enabled"),
        drops_expired=parts.get("config-retention", {}).get("enabled"),
        most_series=data.get("max-series-per-database", 0),
        most_cached=data.get("cache-max-memory-size", 0),
        cached=cached,
        queries_failed=queries.get("queryFail", 0),
        queries_done=queries.get("queryOk", 0),
        databases=databases,
    )


def read_newest(influx: Influx, database: str, policy: str, *, start: int, end: int) -> dict[str, int]:
    """Return the time, in ns, of the newest point of each measurement that has one in the window."""
    statement = influxql_health.newest_of_each(database, policy, start=start, end=end)
    return {series.name: int(series.values[0][0]) for series in influx.query(statement, database=database)}
