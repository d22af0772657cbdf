"""The InfluxQL behind the page; what a caller named enters it quoted or as a bound parameter."""

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
"""The bound parameter: what the series are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What a chart draws: one line for each value of the tag `by`, out of the points of one thing.

    Attributes:
        rollup: where the points are.
        of: the tag that tells the thing: a CDN, a cache group, a server, a delivery service.
        by: the tag that makes a line; None makes one line of all.
        without: a value of `by` that makes none, because it is of another kind.
    """

    rollup: Rollup
    of: str
    by: str | None = None
    without: str | None = None


def ranking(chart: Chart, *, start: int, end: int) -> str:
    """The mean of each line over `[start, end)`, in ns: one row a line. `$name` is the thing."""
    return select(
        [_mean(chart)],
        rollup_target(chart.rollup),
        start=start,
        end=end,
        conditions=_conditions(chart),
        groups=_tag(chart),
    )


def lines(chart: Chart, values: Sequence[str], *, start: int, end: int, interval: int) -> str:
    """The means of each interval, for the lines of these values of the tag `by`; empty intervals have no row.

    Args:
        chart: what is drawn.
        values: whose lines; not looked at where the chart has one line only.
        start: of the half-open window, in ns since the epoch.
        end: of the window.
        interval: in ns.
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
    """A statement for each rollup: the last value, with its time, of each combination of `tags`."""
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
    database: str, policy: str, summaries: Iterable[DailySummary], *, of: str, start: int, end: int
) -> str:
    """A statement for each statistic: its value of each day of each CDN; `of` is whose, such as `all`."""
    return "; ".join(
        select(
            ["max(value)"],
            source(database, policy, summary.name),
            start=start,
            end=end,
            conditions=[f"{identifier('deliveryservice')} = {string(of)}"],
            groups=[by_time(DAY), identifier("cdn")],
        )
        for summary in summaries
    )


def minutes_with_points(rollups: Iterable[Rollup], *, start: int, end: int) -> str:
    """A statement for each rollup: in how many minutes of `[start, end)` it has any point."""
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
    found = [*rollup_conditions(chart.rollup), f"{typed(chart.of, 'tag')} = ${NAME}"]
    if chart.by is not None and chart.without is not None:
        found.append(f"{typed(chart.by, 'tag')} != {string(chart.without)}")
    return found
