"""The questions that panels ask: InfluxQL with Grafana's macros, and PromQL.

Names come from the catalog and are quoted by `core.influxql`; `$timeFilter`, `$__interval` and the template
variables are Grafana's to fill in. A template variable has the name of the tag that it chooses.
"""

from collections.abc import Iterable

from tstats import catalog
from tstats.core.model import DailySummary, Rollup
from tstats.core.time import DAY, MINUTE
from tstats.influx.influxql import by_time, identifier, string
from tstats.summaries.day import ALL

_INTERVAL = "time($__interval)"
# A minute is rolled up at its end, and with it what is made from its rollups.
_SETTLED = "time < now() - 3m"


def rollup(name: str) -> Rollup:
    """A rollup of the catalog, by the name of its continuous query."""
    return catalog.ROLLUPS_BY_NAME[name]


def chosen(*tags: str) -> list[str]:
    """The conditions that tags have one of the values chosen in the variables of their names."""
    return [f"{identifier(tag)} =~ /^${tag}$/" for tag in tags]


def other_than(tag: str, value: str) -> str:
    """The condition that a tag has not this value."""
    return f"{identifier(tag)} != {string(value)}"


def _where(conditions: Iterable[str]) -> str:
    return " AND ".join(["$timeFilter", *conditions])


def _origin(rollup: Rollup) -> str:
    return f"{identifier(rollup.target_policy)}.{identifier(rollup.target)}"


def _groups(*groups: str) -> str:
    first, *tags = groups
    return ", ".join([first, *map(identifier, tags)])


def mean(rollup: Rollup, *by: str, where: Iterable[str] = ()) -> str:
    """The mean of each interval; `by` are the tags that make a series. An interval without points is null."""
    return (
        f"SELECT mean({identifier(rollup.field)}) FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(_INTERVAL, *by)} fill(null)"
    )


def total(rollup: Rollup, *by: str, each: str, where: Iterable[str] = ()) -> str:
    """The sum, over the values of the tag `each`, of the means of each interval.

    The mean comes first: a sum over the points of an interval would grow with its length.
    """
    conditions = _where(where)
    means = (
        f"SELECT mean({identifier(rollup.field)}) AS mean FROM {_origin(rollup)} WHERE {conditions}"
        f" GROUP BY {_groups(_INTERVAL, *by, each)} fill(none)"
    )
    return f"SELECT sum(mean) FROM ({means}) WHERE $timeFilter GROUP BY {_groups(_INTERVAL, *by)} fill(null)"


def number_of(rollup: Rollup, *by: str, where: Iterable[str] = ()) -> str:
    """How many series have points: the most of any minute of each interval."""
    counts = (
        f"SELECT count({identifier(rollup.field)}) AS present FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(by_time(MINUTE), *by)} fill(none)"
    )
    return (
        f"SELECT max(present) FROM ({counts}) WHERE $timeFilter GROUP BY {_groups(_INTERVAL, *by)} fill(null)"
    )


def daily_maximum(rollup: Rollup, *by: str, where: Iterable[str] = ()) -> str:
    """The value of each day, of a rollup that has one point a day and series."""
    return (
        f"SELECT max({identifier(rollup.field)}) FROM {_origin(rollup)} WHERE {_where(where)}"
        f" GROUP BY {_groups(by_time(DAY), *by)} fill(none)"
    )


def summary(statistic: DailySummary, *by: str, where: Iterable[str] = ()) -> str:
    """A statistic of each day, of whole CDNs."""
    origin = f"{identifier(catalog.INDEFINITE)}.{identifier(statistic.name)}"
    conditions = _where([f"deliveryservice = {string(ALL)}", *where])
    return (
        f"SELECT max(value) FROM {origin} WHERE {conditions} GROUP BY {_groups(by_time(DAY), *by)} fill(none)"
    )


def _series_a_minute(rollup: Rollup) -> str:
    return (
        f"SELECT count({identifier(rollup.field)}) AS present FROM {_origin(rollup)}"
        f" WHERE $timeFilter AND {_SETTLED} GROUP BY {by_time(MINUTE)} fill(0)"
    )


def least_series(rollup: Rollup) -> str:
    """The least number of series in any minute of each interval; 0 where a minute has none: a hole."""
    return (
        f"SELECT min(present) FROM ({_series_a_minute(rollup)}) WHERE $timeFilter AND {_SETTLED}"
        f" GROUP BY {_INTERVAL} fill(none)"
    )


def holes(rollup: Rollup) -> str:
    """The number of minutes without any point; no row where there is none."""
    return f"SELECT count(present) FROM ({_series_a_minute(rollup)}) WHERE $timeFilter AND present = 0"


def tag_values(rollup: Rollup, tag: str, *within: str) -> str:
    """The values of a tag, for a variable; `within` are tags whose variables narrow them."""
    conditions = " AND ".join(chosen(*within))
    narrowed = f" WHERE {conditions}" if conditions else ""
    return f"SHOW TAG VALUES FROM {_origin(rollup)} WITH KEY = {identifier(tag)}{narrowed}"
