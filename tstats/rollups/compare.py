"""What two answers tell of a rollup: the aggregated source, and what the rollup holds. All pure.

A cell is one series of a rollup in one interval. A slot is a longer window of which the server gives one
figure a side, which is cheap, since no cell has to be made.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isclose

from tstats.core.model import Rollup
from tstats.core.windows import Window, runs

SeriesTags = tuple[tuple[str, str], ...]
"""A series by its tags, sorted, without those that are not set."""

Cells = Mapping[SeriesTags, Mapping[int, float]]
"""The values by series and by the start of the interval."""

# The server adds the points of several series in an order of its own: the last bits of a sum differ.
_SAME_CELL = 1e-11
_SAME_SLOT = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The starts of the intervals in which a rollup is not what its source makes it.

    Attributes:
        missing: some series lacks its cell.
        stale: some cell has another value than its source gives now.
    """

    missing: frozenset[int] = frozenset()
    stale: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.missing or self.stale)

    def __or__(self, other: "Difference") -> "Difference":
        return Difference(missing=self.missing | other.missing, stale=self.stale | other.stale)


def compare_cells(source: Cells, target: Cells) -> Difference:
    """What the rollup lacks or has wrong, as seen from its source.

    A cell without a source is no difference: its source expired or was deleted, and no continuous query
    would take it away.
    """
    missing, stale = set[int](), set[int]()
    for series, wanted in source.items():
        have = target.get(series, {})
        for moment, value in wanted.items():
            found = have.get(moment)
            if found is None:
                missing.add(moment)
            elif not isclose(found, value, rel_tol=_SAME_CELL):
                stale.add(moment)
    return Difference(missing=frozenset(missing), stale=frozenset(stale))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One figure a side for a window of many cells.

    Attributes:
        window: whole intervals.
        source: the mean of all points of the source, or their sum where the rollup is a sum.
        cells: how many cells the rollup has there.
        total: their sum.
    """

    window: Window
    source: float
    cells: int
    total: float

    def deviation(self, rollup: Rollup) -> float:
        """How far the sides are from each other, from 0 (the same but for the last bits) to 2.

        Sums of sums are the sum: they must be equal. The mean of means is the mean only where every cell
        comes from as many points as the others; a deviation is then a reason to look, no proof.
        """
        target = self.total if rollup.aggregate == "sum" else self.total / max(self.cells, 1)
        scale = max(abs(self.source), abs(target))
        gap = abs(self.source - target)
        return gap / scale if gap > _SAME_SLOT * scale else 0.0

    def is_full(self, rollup: Rollup, series: int) -> bool:
        """Whether every one of so many series has every cell: then none can be missing."""
        return self.cells == series * (self.window.length // rollup.interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one rollup.

    Attributes:
        rollup: which.
        checked: the window that was looked at; None where nothing of what was asked may be looked at.
        missing: intervals in which cells lack.
        stale: intervals in which cells have another value than their source gives now.
        carried: intervals whose source is missing or stale itself, so that they will be recomputed after it.
        unproven: parts of `checked` in which no cell lacks, but of whose values a quick look has no proof.
        error: why it could not be looked at; the windows are then empty.
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
        """All that has to be recomputed; windows may overlap."""
        return self.missing + self.stale + self.carried


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Gathers what is found of one rollup, piece by piece."""

    difference: Difference = field(default_factory=Difference)
    unproven: list[Window] = field(default_factory=list)

    def add(self, difference: Difference) -> bool:
        """Take what a piece showed; whether it showed anything."""
        self.difference |= difference
        return bool(difference)

    def finding(self, rollup: Rollup, checked: Window, carried: Iterable[Window] = ()) -> Finding:
        """All of it, in windows."""
        step = rollup.interval
        return Finding(
            rollup=rollup,
            checked=checked,
            missing=tuple(runs(self.difference.missing, step=step)),
            stale=tuple(runs(self.difference.stale, step=step)),
            carried=tuple(carried),
            unproven=tuple(self.unproven),
        )
