"""Queries one InfluxDB for the cells of rollups and for what their sources give; recomputes rollups.

All figures are computed on the server: no point of a source crosses the wire. Every function raises
`TooMuchError` when a limit of the server is too low for its window, and `ServerError` for other failures,
after the retries of the connection.
"""

from collections.abc import Collection, Sequence

from tstats.core.model import Rollup
from tstats.core.windows import Window
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.influx.rows import SeriesRows
from tstats.influx.stream import read_names, read_rows
from tstats.rollups.compare import SeriesTags


def read_measurements(influx: Influx, database: str) -> set[str]:
    """Return the names of all measurements of a database, whatever their policies."""
    return {
        row["name"] for series in influx.query(influxql.show_measurements(database)) for row in series.rows()
    }


def recompute(influx: Influx, rollup: Rollup, window: Window) -> int:
    """Write the cells of a window of whole intervals; return the number of points written."""
    statement = influxql.select_rollup(rollup, start=window.start, end=window.end)
    return sum(int(row[1]) for series in _query(influx, rollup, statement) for row in series.rows)


def source_slots(influx: Influx, rollup: Rollup, window: Window, slot: int) -> dict[int, float]:
    """Return the mean (for a sum: the sum) of the source's points, by the start of each `slot` ns."""
    # Only one function: each further one makes the server read all points once more.
    function = "sum" if rollup.aggregate == "sum" else "mean"
    statement = influxql.select(
        [f"{function}(value)"],
        influxql.rollup_source(rollup),
        start=window.start,
        end=window.end,
        conditions=influxql.rollup_conditions(rollup),
        groups=[influxql.by_time(slot)],
    )
    return {row[0]: row[1] for series in _query(influx, rollup, statement) for row in series.rows}


def target_slots(influx: Influx, rollup: Rollup, window: Window, slot: int) -> dict[int, tuple[int, float]]:
    """Return the number of the rollup's cells and their sum, by the start of each `slot` ns."""

    def ask(function: str) -> dict[int, float]:
        statement = influxql.select(
            [f"{function}({influxql.typed(rollup.field, 'field')})"],
            influxql.rollup_target(rollup),
            start=window.start,
            end=window.end,
            groups=[influxql.by_time(slot)],
        )
        return {row[0]: row[1] for series in _query(influx, rollup, statement) for row in series.rows}

    # Two statements: both functions in one take the server longer.
    sums = ask("sum")
    return {begin: (int(count), sums.get(begin, 0.0)) for begin, count in ask("count").items()}


def target_counts(
    influx: Influx, rollup: Rollup, window: Window, slot: int
) -> dict[SeriesTags, dict[int, float]]:
    """Return the number of cells of each series of the rollup, by the start of each `slot` ns."""
    statement = influxql.select(
        [f"count({influxql.typed(rollup.field, 'field')})"],
        influxql.rollup_target(rollup),
        start=window.start,
        end=window.end,
        groups=[influxql.by_time(slot), *influxql.rollup_tags(rollup)],
    )
    return _by_series(_query(influx, rollup, statement))


def source_series(influx: Influx, rollup: Rollup, window: Window) -> set[SeriesTags]:
    """Return the series that the rollup should have in a window, according to its source."""
    statement = influxql.select(
        ["first(value)"],
        influxql.rollup_source(rollup),
        start=window.start,
        end=window.end,
        conditions=influxql.rollup_conditions(rollup),
        groups=influxql.rollup_tags(rollup),
    )
    return {_tags(series) for series in _query(influx, rollup, statement)}


def indexed_series(influx: Influx, rollup: Rollup) -> tuple[int, int]:
    """Return the number of series of source and rollup in the server's index, whatever their times."""
    conditions = influxql.rollup_conditions(rollup)
    statements = (
        influxql.show_series(rollup.database, rollup.source_policy, rollup.source, conditions=conditions),
        influxql.show_series(rollup.database, rollup.target_policy, rollup.target),
    )

    def count(statement: str) -> int:
        return influx.retry.call(
            f"query at {influx.url}",
            lambda: sum(1 for _ in read_names(influx, statement, database=rollup.database)),
        )

    source, target = (count(statement) for statement in statements)
    return source, target


def source_cells(
    influx: Influx, rollup: Rollup, window: Window, *, only: Collection[SeriesTags] = ()
) -> dict[SeriesTags, dict[int, float]]:
    """Return the cells as the source gives them now; of the series in `only`, or of all."""
    statement = influxql.select(
        [f"{rollup.aggregate}(value)"],
        influxql.rollup_source(rollup),
        start=window.start,
        end=window.end,
        conditions=[*influxql.rollup_conditions(rollup), *_series_conditions(only)],
        groups=[influxql.by_time(rollup.interval), *influxql.rollup_tags(rollup)],
    )
    return _by_series(_query(influx, rollup, statement))


def target_cells(
    influx: Influx, rollup: Rollup, window: Window, *, only: Collection[SeriesTags] = ()
) -> dict[SeriesTags, dict[int, float]]:
    """Return the cells as the rollup holds them; of the series in `only`, or of all."""
    statement = influxql.select(
        [influxql.typed(rollup.field, "field")],
        influxql.rollup_target(rollup),
        start=window.start,
        end=window.end,
        conditions=_series_conditions(only),
        groups=influxql.rollup_tags(rollup),
    )
    return _by_series(_query(influx, rollup, statement))


def _series_conditions(only: Collection[SeriesTags]) -> list[str]:
    return [influxql.one_series_of(dict(tags) for tags in only)] if only else []


def _query(influx: Influx, rollup: Rollup, statement: str) -> Sequence[SeriesRows]:
    def read() -> list[SeriesRows]:
        return list(read_rows(influx, statement, database=rollup.database, kinds=[None]))

    return influx.retry.call(f"query at {influx.url}", read)


def _by_series(answer: Sequence[SeriesRows]) -> dict[SeriesTags, dict[int, float]]:
    found: dict[SeriesTags, dict[int, float]] = {}
    for series in answer:  # a long series comes in several pieces
        found.setdefault(_tags(series), {}).update({row[0]: row[1] for row in series.rows})
    return found


def _tags(series: SeriesRows) -> SeriesTags:
    return tuple(sorted((tag, value) for tag, value in series.tags.items() if value))
