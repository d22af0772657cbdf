"""The InfluxQL of the statistics; names given by a caller enter it as bound parameters only."""

from collections.abc import Iterable, Mapping

from tstats.api.statistics.query import StatsQuery
from tstats.core.model import Rollup
from tstats.core.time import format_duration
from tstats.influx import influxql

SUMMARY_FIGURES: Mapping[str, str] = {
    "average": "mean(value)",
    "count": "count(value)",
    "fifthPercentile": "percentile(value, 5)",
    "max": "max(value)",
    "min": "min(value)",
    "ninetyEighthPercentile": "percentile(value, 98)",
    "ninetyFifthPercentile": "percentile(value, 95)",
}
"""The expression of each figure of a summary."""

_FIGURES = ", ".join(
    f"{function} AS {influxql.identifier(name)}" for name, function in SUMMARY_FIGURES.items()
)
_NAME = "$name"


def cache_stats(query: StatsQuery) -> str:
    """Return the statements of cache_stats for the CDN `$name`: series and summary, as far as wanted."""
    return _statements(query, "sum(value) / count(value)", [f"{influxql.identifier('cdn')} = {_NAME}"], "cdn")


def deliveryservice_stats(query: StatsQuery) -> str:
    """Return the statements of deliveryservice_stats for the xmlId `$name`, as `cache_stats` does."""
    conditions = [
        *influxql.rollup_conditions(query.rollup),
        f"{influxql.identifier('deliveryservice')} = {_NAME}",
    ]
    return _statements(query, "mean(value)", conditions, "cachegroup")


def current_stats(rollups: Iterable[Rollup]) -> str:
    """Return a statement per rollup, for its last value in each CDN."""
    return "; ".join(
        f"SELECT last(value) FROM {influxql.rollup_target(rollup)} GROUP BY cdn" for rollup in rollups
    )


def _statements(query: StatsQuery, selected: str, conditions: list[str], tag: str) -> str:
    after, before = (">=", "<=") if query.inclusive else (">", "<")
    where = " AND ".join([*conditions, f"time {after} {query.start}", f"time {before} {query.end}"])
    measurement = influxql.rollup_target(query.rollup)
    statements = []
    if query.series:
        groups = (
            f"time({format_duration(query.interval)}, {query.bucket_offset}ns), {influxql.identifier(tag)}"
        )
        limit = "" if query.limit is None else f" LIMIT {query.limit}"
        offset = "" if query.offset is None else f" OFFSET {query.offset}"
        statements.append(
            f"SELECT {selected} FROM {measurement} WHERE {where} GROUP BY {groups}{limit}{offset}"
        )
    if query.summary:
        statements.append(f"SELECT {_FIGURES} FROM {measurement} WHERE {where}")
    return "; ".join(statements)
