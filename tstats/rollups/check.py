"""Finds what is missing or wrong in one rollup on one server.

A thorough check recomputes every cell from its source and compares them. It is right whatever the data, and
costs about as much as recomputing.

A quick check compares one figure per side and hour, and compares cells only where these give a reason:

- cells are counted, so that a missing one is found whatever its value;
- a sum must equal the sum of its source;
- a mean of means that equals the mean of all points is right. One that differs may merely come from minutes
  with different numbers of points: those hours are compared cell by cell, largest deviation first, until one
  turns out to be right. The remaining hours are reported as unproven.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tstats.core.model import Rollup
from tstats.core.time import HOUR
from tstats.core.windows import Window, partition
from tstats.errors import SlowError, TooMuchError
from tstats.influx.client import Influx
from tstats.rollups import cells as rollup_cells
from tstats.rollups.compare import CellDifference, Evidence, RollupFinding, SeriesTags, Slot, compare_cells
from tstats.rollups.plan import MeasurementPath, halved, merged, pieces, source_of, target_of

# Above this, naming the series that lack cells in a query costs as much as querying all series.
_MOST_SERIES = 200
# Series times hours of raw points that one query covers: they lie in shards of an hour, and merging more
# parts than this costs more than a second query.
_SERIES_HOURS = 5_000

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlySums:
    """The sums of a rollup by hour, kept so that its dependents need not query them again.

    Attributes:
        window: whole hours.
        by_hour: the sums of the hours that have points.
    """

    window: Window
    by_hour: dict[int, float]


KnownSums = dict[MeasurementPath, HourlySums]
"""Sums by measurement; valid only as long as nothing is written."""


def check(
    influx: Influx, rollup: Rollup, window: Window, *, thorough: bool, known: KnownSums | None = None
) -> RollupFinding:
    """Compare the rollup with its source.

    Args:
        influx: the server.
        rollup: the rollup.
        window: whole intervals, within what `plan.repairable_window` allows.
        thorough: compare every cell.
        known: sums of the rollups that it is computed from; its own sums are added.

    Raises:
        ServerError: the server failed, refused, or has a limit below a single interval.
    """
    comparison = _RollupComparison(influx, rollup, {} if known is None else known)
    # A rollup by day has few cells: comparing them all is quick.
    if thorough or rollup.aggregate == "max" or HOUR % rollup.interval:
        comparison.compare([window])
    else:
        comparison.compare_quickly(window)
    return comparison.evidence.finding(rollup, window)


def compare_windows(influx: Influx, rollup: Rollup, windows: Iterable[Window]) -> CellDifference:
    """Compare every cell of some windows; arguments and errors as for `check`."""
    comparison = _RollupComparison(influx, rollup, {})
    comparison.compare(windows)
    return comparison.evidence.difference


def within_limits(rollup: Rollup, window: Window, ask: Callable[[Window], Answer]) -> Iterator[Answer]:
    """Yield the answers for a window of whole intervals, halving it wherever it exceeds a server limit.

    Raises:
        TooMuchError: even a single interval is too much.
        SlowError: even a single interval takes too long.
    """
    try:
        yield ask(window)
    except (TooMuchError, SlowError):
        parts = halved(rollup, window)
        if len(parts) == 1:
            raise
        for part in parts:
            yield from within_limits(rollup, part, ask)


class _RollupComparison:
    """A comparison of one rollup on one server with its source."""

    def __init__(self, influx: Influx, rollup: Rollup, known: KnownSums) -> None:
        self._influx = influx
        self._rollup = rollup
        self._known = known
        self._compared: dict[Window, bool] = {}  # whether a slot has missing or stale cells
        self.evidence = Evidence()

    def compare(self, windows: Iterable[Window], *, only: Collection[SeriesTags] = ()) -> bool:
        """Compare the cells of the series in `only`, or of all; return whether any differ."""

        def difference_in(window: Window) -> CellDifference:
            return compare_cells(
                rollup_cells.source_cells(self._influx, self._rollup, window, only=only),
                rollup_cells.target_cells(self._influx, self._rollup, window, only=only),
            )

        found = [
            self.evidence.add(difference)
            for piece in pieces(self._rollup, windows)
            for difference in within_limits(self._rollup, piece, difference_in)
        ]
        return any(found)

    def compare_quickly(self, window: Window) -> None:
        """Compare one figure per side and hour, and the cells of the hours that give a reason."""
        expected, longest = self._expected_series(window)
        slots = self._slots(window, longest)
        for slot in slots:
            if not slot.cells:
                moments = range(slot.window.start, slot.window.end, self._rollup.interval)
                difference = CellDifference(missing=frozenset(moments))
                self._compared[slot.window] = self.evidence.add(difference)
        filled = [slot for slot in slots if slot.cells]
        for slot, incomplete in self._incomplete(filled, window, expected):
            # Where some series lack cells, others may have stale ones.
            if not incomplete or self.compare([slot.window], only=incomplete):
                self._differs(slot)
        deviating = [slot for slot in filled if slot.deviation(self._rollup)]
        for slot in sorted(deviating, key=lambda slot: slot.deviation(self._rollup), reverse=True):
            # A deviating sum always has a cause. A mean may only be uneven: if the largest deviation is
            # harmless, the smaller ones are probably harmless too.
            if not self._differs(slot) and self._rollup.aggregate == "mean":
                break
        self._compare_neighbours(deviating)
        unproven = (slot.window for slot in deviating if slot.window not in self._compared)
        self.evidence.unproven += merged(unproven)

    def _differs(self, slot: Slot) -> bool:
        """Compare all cells of a slot, once; return whether any differ."""
        if slot.window not in self._compared:
            self._compared[slot.window] = self.compare([slot.window])
        return self._compared[slot.window]

    def _compare_neighbours(self, deviating: list[Slot]) -> None:
        """Compare deviating slots next to those that differ: an outage does not end on the hour."""
        waiting = [slot for slot in deviating if slot.window not in self._compared]
        while waiting:
            differing = [window for window, differs in self._compared.items() if differs]
            edges = {window.start for window in differing} | {window.end for window in differing}
            adjacent = [slot for slot in waiting if {slot.window.start, slot.window.end} & edges]
            if not adjacent:
                return
            for slot in adjacent:
                self._differs(slot)
            waiting = [slot for slot in waiting if slot not in adjacent]

    def _expected_series(self, window: Window) -> tuple[int | None, int]:
        """Return the number of series that the rollup should have, and the longest window to query, in ns.

        The server's index answers at once, but it also holds series of other times: the number is None if
        source and rollup disagree about it.
        """
        if self._rollup.tags is not None:
            series = rollup_cells.source_series(self._influx, self._rollup, window)
            return len(series), window.length
        source, target = rollup_cells.indexed_series(self._influx, self._rollup)
        longest = max(1, _SERIES_HOURS // max(1, source)) * HOUR
        return (target if source == target else None), longest

    def _slots(self, window: Window, longest: int) -> list[Slot]:
        """Return the hours in which the source has points, querying it in windows of `longest` ns."""
        sources, unknown = self._known_sources(window)
        for gap in unknown:
            for part in partition(gap, longest, origin=gap.start // HOUR * HOUR):
                for answer in within_limits(self._rollup, part, self._source_slots):
                    sources |= answer
        targets = rollup_cells.target_slots(self._influx, self._rollup, window, HOUR)
        hours = _whole_hours(window)
        if hours is not None and self._rollup.field == "value":
            sums = {begin: total for begin, (_, total) in targets.items() if hours.start <= begin < hours.end}
            self._known[target_of(self._rollup)] = HourlySums(window=hours, by_hour=sums)
        return [
            Slot(window=hour, source=sources[begin], cells=cells, total=total)
            for hour in partition(window, HOUR, origin=0)
            if (begin := hour.start // HOUR * HOUR) in sources
            for cells, total in (targets.get(begin, (0, 0.0)),)
        ]

    def _known_sources(self, window: Window) -> tuple[dict[int, float], list[Window]]:
        """Return the source's figures that are known already, and the windows still to be queried."""
        sums = self._known.get(source_of(self._rollup))
        if sums is None or self._rollup.aggregate != "sum" or self._rollup.condition is not None:
            return {}, [window]
        common = window.overlap(sums.window)
        hours = None if common is None else _whole_hours(common)
        if hours is None:
            return {}, [window]
        edges = ((window.start, hours.start), (hours.end, window.end))
        return (
            {begin: total for begin, total in sums.by_hour.items() if hours.start <= begin < hours.end},
            [Window(start=start, end=end) for start, end in edges if start < end],
        )

    def _source_slots(self, window: Window) -> dict[int, float]:
        return rollup_cells.source_slots(self._influx, self._rollup, window, HOUR)

    def _incomplete(
        self, slots: list[Slot], window: Window, expected: int | None
    ) -> Iterator[tuple[Slot, frozenset[SeriesTags]]]:
        """Yield the slots in which series lack cells, and these series; no series if there are too many.

        A series may rightly lack cells, where its source has no points.
        """
        if expected is not None and all(slot.is_full(self._rollup, expected) for slot in slots):
            return
        all_series = rollup_cells.source_series(self._influx, self._rollup, window)
        counts = rollup_cells.target_counts(self._influx, self._rollup, window, HOUR)
        for slot in slots:
            full = slot.window.length // self._rollup.interval
            begin = slot.window.start // HOUR * HOUR
            lacking = frozenset(
                series for series in all_series if counts.get(series, {}).get(begin, 0) < full
            )
            if lacking:
                # A series without tags cannot be named in a condition.
                can_be_named = len(lacking) <= _MOST_SERIES and all(lacking)
                yield slot, lacking if can_be_named else frozenset()


def _whole_hours(window: Window) -> Window | None:
    """Return the whole hours of a window; None if it has none."""
    start, end = -(-window.start // HOUR) * HOUR, window.end // HOUR * HOUR
    return Window(start=start, end=end) if start < end else None
