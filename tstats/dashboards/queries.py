"""What panels ask: InfluxQL with Grafana's macros, PromQL, and arithmetic over their results.

Names come from the catalog and are quoted by `influx.influxql`. Grafana fills in `$timeFilter`, `$__interval`
and the variables of a dashboard; a variable has the name of the tag whose values it offers.
"""

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tstats import catalog
from tstats.core.model import DailySummary, Rollup
from tstats.core.time import DAY, MINUTE
from tstats.influx import influxql
from tstats.influx.influxql import by_time, identifier
from tstats.summaries.day import ALL

REF_IDS = string.ascii_uppercase  # what Grafana calls the targets of a panel, in order

_INTERVAL = "time($__interval)"
# The latest minutes are left out: a minute is rolled up after its end.
_SETTLED = "time < now() - 3m"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxQuery:
    """An InfluxQL query for a database of the catalog.

    Attributes:
        text: the statement.
        database: the name of the database.
        tags: the tags that tell its series apart.
        alias: the name of its series, by default the values of `tags`.
        hidden: whether only an expression uses the result.
    """

    text: str
    database: str
    tags: tuple[str, ...] = ()
    alias: str = ""
    hidden: bool = False

    @property
    def legend(self) -> str:
        """What the legend calls its series; empty for a hidden query."""
        return "" if self.hidden else self.alias or " ".join(f"$tag_{tag}" for tag in self.tags)


@dataclass(frozen=True, slots=True)
class PrometheusQuery:
    """A PromQL query.

    Attributes:
        expression: the expression.
        legend: the name of its series; `{{cdn}}` stands for the value of the label cdn.
        instant: whether it asks for the value at the end of the range only.
    """

    expression: str
    legend: str
    instant: bool = False


@dataclass(frozen=True, slots=True)
class MathExpression:
    """Arithmetic over the targets before it, `$A`, `$B`, …: Grafana joins series whose tags are equal.

    Attributes:
        expression: the arithmetic.
        tag: the tag whose value names a series.
    """

    expression: str
    tag: str


Target = InfluxQuery | PrometheusQuery | MathExpression


def rollup(name: str) -> Rollup:
    """Return a rollup of the catalog by the name of its continuous query."""
    return catalog.ROLLUPS_BY_NAME[name]


def chosen(*tags: str) -> tuple[str, ...]:
    """Return the conditions that each tag has one of the values chosen in the variable of its name."""
    return tuple(f"{identifier(tag)} =~ /^${tag}$/" for tag in tags)


def excluding(tag: str, value: str) -> str:
    """Return the condition that a tag does not have this value."""
    return f"{identifier(tag)} != {influxql.string(value)}"


def mean(rollup: Rollup, *by: str, where: Iterable[str], alias: str = "") -> InfluxQuery:
    """Return a query for the mean of each interval, with a series per value of the tags `by`.

    An interval without points is null.
    """
    text = (
        f"SELECT mean({identifier(rollup.field)}) FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(_INTERVAL, *by)} fill(null)"
    )
    return InfluxQuery(text=text, database=rollup.database, tags=by, alias=alias)


def total(rollup: Rollup, *by: str, over: str, where: Iterable[str], alias: str = "") -> InfluxQuery:
    """Return a query for the sum, over the values of the tag `over`, of the means of each interval.

    The mean comes first: a sum over the points of an interval would grow with the length of the interval.
    """
    means = (
        f"SELECT mean({identifier(rollup.field)}) AS mean FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(_INTERVAL, *by, over)} fill(none)"
    )
    text = f"SELECT sum(mean) FROM ({means}) WHERE $timeFilter GROUP BY {_groups(_INTERVAL, *by)} fill(null)"
    return InfluxQuery(text=text, database=rollup.database, tags=by, alias=alias)


def series_count(rollup: Rollup, *by: str, where: Iterable[str]) -> InfluxQuery:
    """Return a query for the number of series with points: the largest of any minute in each interval."""
    counts = (
        f"SELECT count({identifier(rollup.field)}) AS present FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(by_time(MINUTE), *by)} fill(none)"
    )
    text = (
        f"SELECT max(present) FROM ({counts}) WHERE $timeFilter GROUP BY {_groups(_INTERVAL, *by)} fill(null)"
    )
    return InfluxQuery(text=text, database=rollup.database, tags=by)


def daily_value(rollup: Rollup, *by: str, where: Iterable[str]) -> InfluxQuery:
    """Return a query for the value of each day, from a rollup with one point per day and series."""
    text = (
        f"SELECT max({identifier(rollup.field)}) FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(by_time(DAY), *by)} fill(none)"
    )
    return InfluxQuery(text=text, database=rollup.database, tags=by)


def daily_summary(statistic: DailySummary, *by: str, where: Iterable[str]) -> InfluxQuery:
    """Return a query for a daily statistic of whole CDNs."""
    origin = f"{identifier(catalog.INDEFINITE)}.{identifier(statistic.name)}"
    conditions = _where([f"deliveryservice = {influxql.string(ALL)}", *where])
    text = (
        f"SELECT max(value) FROM {origin} WHERE {conditions} GROUP BY {_groups(by_time(DAY), *by)} fill(none)"
    )
    return InfluxQuery(text=text, database=catalog.DAILY_STATS, tags=by)


def fewest_series(rollup: Rollup) -> InfluxQuery:
    """Return a query for the smallest number of series in any minute of each interval; 0 means a hole."""
    text = (
        f"SELECT min(present) FROM ({_series_per_minute(rollup)}) WHERE $timeFilter AND {_SETTLED}"
        f" GROUP BY {_INTERVAL} fill(none)"
    )
    return InfluxQuery(text=text, database=rollup.database, alias=rollup.name)


def missing_minutes(rollup: Rollup) -> InfluxQuery:
    """Return a query for the number of minutes without any point; it returns no row when there are none."""
    text = f"SELECT count(present) FROM ({_series_per_minute(rollup)}) WHERE $timeFilter AND present = 0"
    return InfluxQuery(text=text, database=rollup.database, alias=rollup.name)


def aggregate(
    operator: str, expression: str, *by: str, legend: str = "", instant: bool = False
) -> PrometheusQuery:
    """Return a PromQL query that aggregates an expression per value of the labels `by`.

    Args:
        operator: `sum`, `max` or another aggregation operator.
        expression: what to aggregate.
        by: the labels to keep; without any, a single series is left.
        legend: the name of the series, by default the values of `by`.
        instant: whether to ask for the value at the end of the range only.
    """
    grouped = f"{operator} by ({', '.join(by)})" if by else operator
    values = " ".join(f"{{{{{label}}}}}" for label in by)
    return PrometheusQuery(f"{grouped} ({expression})", legend or values, instant)


def tag_values(rollup: Rollup, tag: str, *within: str) -> str:
    """Return the statement that lists the values of a tag for a variable.

    Args:
        rollup: where the values are.
        tag: the tag.
        within: tags whose variables narrow the list.
    """
    conditions = " AND ".join(chosen(*within))
    narrowed = f" WHERE {conditions}" if conditions else ""
    return f"SHOW TAG VALUES FROM {_origin(rollup)} WITH KEY = {identifier(tag)}{narrowed}"


def share(*parts: InfluxQuery, of: InfluxQuery) -> Sequence[Target]:
    """Return the targets of a panel that divides the sum of `parts` by `of`, for each of its series.

    InfluxQL has no arithmetic between measurements, so Grafana does it.
    """
    hidden = [replace(query, hidden=True) for query in (*parts, of)]
    *summands, whole = [f"${ref_id}" for ref_id in REF_IDS[: len(hidden)]]
    part = summands[0] if len(summands) == 1 else f"({' + '.join(summands)})"
    return (*hidden, MathExpression(f"{part} / {whole}", of.tags[0]))


def _where(conditions: Iterable[str]) -> str:
    return " AND ".join(["$timeFilter", *conditions])


def _origin(rollup: Rollup) -> str:
    return f"{identifier(rollup.target_policy)}.{identifier(rollup.target)}"


def _groups(time: str, *tags: str) -> str:
    return ", ".join([time, *map(identifier, tags)])


def _series_per_minute(rollup: Rollup) -> str:
    return (
        f"SELECT count({identifier(rollup.field)}) AS present FROM {_origin(rollup)}"
        f" WHERE $timeFilter AND {_SETTLED} GROUP BY {by_time(MINUTE)} fill(0)"
    )
