"""The InfluxQL of the page; names given by a caller enter it quoted or as bound parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tstats.core.model import DailySummary, Rollup
from tstats.core.time import DAY, MINUTE
from tstats.influx.influxql import (
    by_time,
    identifier,
    one_of,
    rollup_conditions,
    rollup_target,
    select,
    source,
    string,
    typed,
)

NAME = "name"
"""The bound parameter for the name of what a chart shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart of a CDN, a cache group, a server or a delivery service, with a line per value of a tag.

    Attributes:
        rollup: where the points are.
        of: the tag that holds the name of what the chart shows, such as `cdn`.
        by: the tag whose values become lines; None for a single line.
        without: a value of `by` that does not become a line, because it is a total.
    """

    rollup: Rollup
    of: str
    by: str | None = None
    without: str | None = None


def ranking(chart: Chart, *, start: int, end: int) -> str:
    """Return the statement for the mean of each line over `[start, end)`, in ns: a row per line."""
    return select(
        [_mean(chart)],
        rollup_target(chart.rollup),
        start=start,
        end=end,
        conditions=_conditions(chart),
        groups=_tag(chart),
    )


def lines(chart: Chart, values: Sequence[str], *, start: int, end: int, interval: int) -> str:
    """Return the statement for the mean of each interval and line; empty intervals have no row.

    Args:
        chart: what is drawn.
        values: the values of the tag `by` whose lines are wanted; ignored if the chart has a single line.
        start: the start of the half-open window, in ns since the epoch.
        end: the end of the window.
        interval: the length of an interval, in ns.
    """
    chosen = [one_of(chart.by, values)] if chart.by is not None else []
    return select(
        [_mean(chart)],
        rollup_target(chart.rollup),
        start=start,
        end=end,
        conditions=[*_conditions(chart), *chosen],
        groups=[by_time(interval), *_tag(chart)],
    )


def last_values(rollups: Iterable[Rollup], *tags: str, start: int, end: int) -> str:
    """Return a statement per rollup, for the last value of each combination of `tags` and its time."""
    return "; ".join(
        select(
            [f"last({identifier(rollup.field)})"],
            rollup_target(rollup),
            start=start,
            end=end,
            conditions=rollup_conditions(rollup),
            groups=[identifier(tag) for tag in tags],
        )
        for rollup in rollups
    )


def daily(
    database: str,
    policy: str,
    summaries: Iterable[DailySummary],
    *,
    deliveryservice: str,
    start: int,
    end: int,
) -> str:
    """Return a statement per daily statistic, for its value on each day and in each CDN."""
    return "; ".join(
        select(
            ["max(value)"],
            source(database, policy, summary.name),
            start=start,
            end=end,
            conditions=[f"{identifier('deliveryservice')} = {string(deliveryservice)}"],
            groups=[by_time(DAY), identifier("cdn")],
        )
        for summary in summaries
    )


def minutes_with_points(rollups: Iterable[Rollup], *, start: int, end: int) -> str:
    """Return a statement per rollup, for the number of minutes of `[start, end)` with at least one point."""
    statements = []
    for rollup in rollups:
        present = select(
            [f"count({identifier(rollup.field)}) AS present"],
            rollup_target(rollup),
            start=start,
            end=end,
            groups=[by_time(MINUTE)],
        )
        statements.append(select(["count(present)"], f"({present})", start=start, end=end))
    return "; ".join(statements)


def _mean(chart: Chart) -> str:
    return f"mean({identifier(chart.rollup.field)})"


def _tag(chart: Chart) -> list[str]:
    return [] if chart.by is None else [identifier(chart.by)]


def _conditions(chart: Chart) -> list[str]:
    conditions = [*rollup_conditions(chart.rollup), f"{typed(chart.of, 'tag')} = ${NAME}"]
    if chart.by is not None and chart.without is not None:
        conditions.append(f"{typed(chart.by, 'tag')} != {string(chart.without)}")
    return conditions
