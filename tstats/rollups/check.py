"""Finds what one rollup lacks or has wrong on one server.

Thorough: every cell is made anew from its source and compared. That is right whatever the data, and costs
about what recomputing costs.

Quick: one figure a side and hour, and cells only where these give a reason:

- cells are counted, so that a missing one is found, whatever its value;
- a sum must be the sum of its source;
- a mean of means that equals the mean of all points is right. One that differs may only come from an uneven
  number of points in the minutes: those hours are looked into, the farthest off first, until one turns out to
  be whole. The rest is unproven, and named.
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
from tstats.rollups.compare import Difference, Evidence, Finding, SeriesTags, Slot, compare_cells
from tstats.rollups.plan import halved, merged, pieces

# Above this, asking for the series that lack cells costs as much as asking for all.
_MOST_SERIES = 200
# Series by hours of raw points that are asked for at once: they lie in shards of an hour, and to merge more
# parts than this costs more than a second query.
_SERIES_HOURS = 5_000

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of a rollup by hour, which the next in its chain need not ask for again.

    Attributes:
        window: whole hours.
        by_hour: of the hours that have points.
    """

    window: Window
    by_hour: dict[int, float]


Known = dict[tuple[str, str, str], Sums]
"""By database, policy and measurement; right only as long as nothing is written."""


def check(
    influx: Influx, rollup: Rollup, window: Window, *, thorough: bool, known: Known | None = None
) -> Finding:
    """Compare the rollup with its source.

    Args:
        influx: the server.
        rollup: which.
        window: whole intervals, within what `rollup_plan.ours` allows.
        thorough: look into every cell.
        known: sums of rollups before it in its chain; its own are added.

    Raises:
        ServerError: the server failed, refused, or has a limit below a single interval.
    """
    examination = _Examination(influx, rollup, {} if known is None else known)
    # A day's cells are few: to look at them is quick.
    if thorough or rollup.aggregate == "max" or HOUR % rollup.interval:
        examination.look_into([window])
    else:
        examination.look_over(window)
    return examination.evidence.finding(rollup, window)


def look_into(influx: Influx, rollup: Rollup, windows: Iterable[Window]) -> Difference:
    """Compare every cell of some windows; arguments and errors as `check` has them."""
    examination = _Examination(influx, rollup, {})
    examination.look_into(windows)
    return examination.evidence.difference


def within_limits(rollup: Rollup, window: Window, ask: Callable[[Window], Answer]) -> Iterator[Answer]:
    """The answers for a window of whole intervals, in as few parts as the server's limits allow.

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


class _Examination:
    """Looks at one rollup of one server."""

    def __init__(self, influx: Influx, rollup: Rollup, known: Known) -> None:
        self._influx = influx
        self._rollup = rollup
        self._known = known
        self._judged: dict[Window, bool] = {}  # whether a slot is bad
        self.evidence = Evidence()

    def look_into(self, windows: Iterable[Window], *, only: Collection[SeriesTags] = ()) -> bool:
        """Compare cells (of `only` some series, or all); whether any lacks or differs."""

        def compared(window: Window) -> Difference:
            return compare_cells(
                rollup_cells.source_cells(self._influx, self._rollup, window, only=only),
                rollup_cells.target_cells(self._influx, self._rollup, window, only=only),
            )

        found = [
            self.evidence.add(difference)
            for piece in pieces(self._rollup, windows)
            for difference in within_limits(self._rollup, piece, compared)
        ]
        return any(found)

    def look_over(self, window: Window) -> None:
        """Compare one figure a side and hour, and the cells of the hours that give a reason."""
        expected, look = self._expected(window)
        slots = self._slots(window, look)
        for slot in slots:
            if not slot.cells:
                moments = range(slot.window.start, slot.window.end, self._rollup.interval)
                self._judged[slot.window] = self.evidence.add(Difference(missing=frozenset(moments)))
        filled = [slot for slot in slots if slot.cells]
        for slot, lacking in self._lacking(filled, window, expected):
            # Beside what one series lacks, others may have stale cells.
            if not lacking or self.look_into([slot.window], only=lacking):
                self._judge(slot)
        deviating = [slot for slot in filled if slot.deviation(self._rollup)]
        for slot in sorted(deviating, key=lambda slot: slot.deviation(self._rollup), reverse=True):
            # A sum that differs has a reason; a mean may be only uneven, and the farthest off tells.
            if not self._judge(slot) and self._rollup.aggregate == "mean":
                break
        self._judge_neighbours(deviating)
        unproven = (slot.window for slot in deviating if slot.window not in self._judged)
        self.evidence.unproven += merged(unproven)

    def _judge(self, slot: Slot) -> bool:
        """Whether a slot is bad, by all of its cells."""
        if slot.window not in self._judged:
            self._judged[slot.window] = self.look_into([slot.window])
        return self._judged[slot.window]

    def _judge_neighbours(self, deviating: list[Slot]) -> None:
        """Look beside what is bad: an outage does not end with the hour."""
        waiting = [slot for slot in deviating if slot.window not in self._judged]
        while waiting:
            bad = [window for window, is_bad in self._judged.items() if is_bad]
            edges = {window.start for window in bad} | {window.end for window in bad}
            beside = [slot for slot in waiting if {slot.window.start, slot.window.end} & edges]
            if not beside:
                return
            for slot in beside:
                self._judge(slot)
            waiting = [slot for slot in waiting if slot not in beside]

    def _expected(self, window: Window) -> tuple[int | None, int]:
        """How many series the rollup should have, where that is easy to say; how long to look at once, in ns.

        The server's index answers at once, but it holds series of older times, too: where source and rollup
        do not have the same number, None.
        """
        if self._rollup.tags is not None:
            series = rollup_cells.source_series(self._influx, self._rollup, window)
            return len(series), window.length
        source, target = rollup_cells.indexed_series(self._influx, self._rollup)
        look = max(1, _SERIES_HOURS // max(1, source)) * HOUR
        return (target if source == target else None), look

    def _slots(self, window: Window, look: int) -> list[Slot]:
        """The hours in which the source has points; its figures are asked for in windows of `look` ns."""
        sources, unknown = self._known_sources(window)
        for stretch in unknown:
            for part in partition(stretch, look, origin=stretch.start // HOUR * HOUR):
                for answer in within_limits(self._rollup, part, self._source_slots):
                    sources |= answer
        targets = rollup_cells.target_slots(self._influx, self._rollup, window, HOUR)
        hours = _whole_hours(window)
        if hours is not None and self._rollup.field == "value":
            sums = {begin: total for begin, (_, total) in targets.items() if hours.start <= begin < hours.end}
            key = (self._rollup.database, self._rollup.target_policy, self._rollup.target)
            self._known[key] = Sums(window=hours, by_hour=sums)
        return [
            Slot(window=hour, source=sources[begin], cells=cells, total=total)
            for hour in partition(window, HOUR, origin=0)
            if (begin := hour.start // HOUR * HOUR) in sources
            for cells, total in (targets.get(begin, (0, 0.0)),)
        ]

    def _known_sources(self, window: Window) -> tuple[dict[int, float], list[Window]]:
        """The figures of the source that are known by now, and the windows for which it has to be asked."""
        key = (self._rollup.database, self._rollup.source_policy, self._rollup.source)
        sums = self._known.get(key)
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

    def _source_slots(self, look: Window) -> dict[int, float]:
        return rollup_cells.source_slots(self._influx, self._rollup, look, HOUR)

    def _lacking(
        self, slots: list[Slot], window: Window, expected: int | None
    ) -> Iterator[tuple[Slot, frozenset[SeriesTags]]]:
        """The slots in which series lack cells, and which series; none of these where they are many.

        A series may lack cells rightly, where its source has no points.
        """
        if expected is not None and all(slot.is_full(self._rollup, expected) for slot in slots):
            return
        series = rollup_cells.source_series(self._influx, self._rollup, window)
        counts = rollup_cells.target_counts(self._influx, self._rollup, window, HOUR)
        for slot in slots:
            full = slot.window.length // self._rollup.interval
            begin = slot.window.start // HOUR * HOUR
            lacking = frozenset(one for one in series if counts.get(one, {}).get(begin, 0) < full)
            if lacking:
                few = len(lacking) <= _MOST_SERIES and all(lacking)
                yield slot, lacking if few else frozenset()


def _whole_hours(window: Window) -> Window | None:
    """The whole hours of a window; None where it has none."""
    start, end = -(-window.start // HOUR) * HOUR, window.end // HOUR * HOUR
    return Window(start=start, end=end) if start < end else None
