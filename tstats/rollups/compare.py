"""Compares what the source of a rollup gives with what the rollup holds. Pure.

A cell is one series of a rollup in one interval. A slot is a longer window, for which the server gives one
figure per side; that is cheap, since no cell has to be computed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose

from tstats.core.model import Rollup
from tstats.core.windows import Window, runs

SeriesTags = tuple[tuple[str, str], ...]
"""The tags of a series, sorted, without empty ones."""

Cells = Mapping[SeriesTags, Mapping[int, float]]
"""Values by series and by the start of the interval."""

# The server adds the points of several series in no fixed order: the last bits of a sum vary.
_CELL_TOLERANCE = 1e-11
_SLOT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDifference:
    """The starts of the intervals in which a rollup does not match its source.

    Attributes:
        missing: a series lacks its cell.
        stale: a cell has another value than its source gives now.
    """

    missing: frozenset[int] = frozenset()
    stale: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale)

    def __or__(self, other: "CellDifference") -> "CellDifference":
        return CellDifference(missing=self.missing | other.missing, stale=self.stale | other.stale)


def compare_cells(source: Cells, target: Cells) -> CellDifference:
    """Return which cells the rollup lacks or has wrong, as computed from its source.

    A cell without a source is no difference: its source expired or was deleted, and no continuous query
    would remove it.
    """
    missing, stale = set[int](), set[int]()
    for series, wanted in source.items():
        have = target.get(series, {})
        for moment, value in wanted.items():
            found = have.get(moment)
            if found is None:
                missing.add(moment)
            elif not isclose(found, value, rel_tol=_CELL_TOLERANCE):
                stale.add(moment)
    return CellDifference(missing=frozenset(missing), stale=frozenset(stale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One figure per side for a window of many cells.

    Attributes:
        window: whole intervals.
        source: the mean of all points of the source, or their sum if the rollup is a sum.
        cells: the number of cells that the rollup has there.
        total: their sum.
    """

    window: Window
    source: float
    cells: int
    total: float

    def deviation(self, rollup: Rollup) -> float:
        """Return how far apart the sides are, from 0 (equal up to the last bits) to 2.

        A sum of sums is the sum: the sides must be equal. A mean of means is the mean only if every cell
        comes from the same number of points, so a deviation there is a reason to look, not a proof.
        """
        target = self.total if rollup.aggregate == "sum" else self.total / max(self.cells, 1)
        scale = max(abs(self.source), abs(target))
        gap = abs(self.source - target)
        return gap / scale if gap > _SLOT_TOLERANCE * scale else 0.0

    def is_full(self, rollup: Rollup, series: int) -> bool:
        """Return whether each of this many series has every cell, so that none can be missing."""
        return self.cells == series * (self.window.length // rollup.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupFinding:
    """What a check found out about one rollup.

    Attributes:
        rollup: the rollup.
        checked: the window that was checked; None if none of what was asked may be checked.
        missing: intervals with missing cells.
        stale: intervals with cells that have another value than their source gives now.
        carried: intervals whose source is itself missing or stale, so that they are recomputed after it.
        unproven: parts of `checked` in which no cell is missing, but whose values a quick check cannot prove.
        error: why the rollup could not be checked; the windows are then empty.
    """

    rollup: Rollup
    checked: Window | None = None
    missing: tuple[Window, ...] = ()
    stale: tuple[Window, ...] = ()
    carried: tuple[Window, ...] = ()
    unproven: tuple[Window, ...] = ()
    error: str | None = None

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows that have to be recomputed; they may overlap."""
        return self.missing + self.stale + self.carried


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What the pieces of a check have shown so far."""

    difference: CellDifference = field(default_factory=CellDifference)
    unproven: list[Window] = field(default_factory=list)

    def add(self, difference: CellDifference) -> bool:
        """Add what a piece has shown; return whether it has shown any difference."""
        self.difference |= difference
        return bool(difference)

    def finding(self, rollup: Rollup, checked: Window) -> RollupFinding:
        """Return all of it as windows."""
        step = rollup.interval
        return RollupFinding(
            rollup=rollup,
            checked=checked,
            missing=tuple(runs(self.difference.missing, step=step)),
            stale=tuple(runs(self.difference.stale, step=step)),
            unproven=tuple(self.unproven),
        )
