"""Digests: what a server says of points without sending them, and what two digests say of each other.

A digest is, for each hour and each group of series, the count of every field and the sum of every number.
Two sides whose digests differ hold different points. Two sides whose digests are equal can still differ
where counts and sums stay the same:

- values exchanged between two times of one hour, or between two series of one group;
- as many points missing on one side as on the other, in one hour and group, with values of the same sum: that
  takes zeros or constants, or luck;
- a number that is off by less than the rounding of its sum (`_rounding`);
- the texts of strings and the truth of booleans, which are only counted.

Where the last matter (the policy `source`), no digest is trusted and every point is compared.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Literal, TypeVar

from tstats.core.time import HOUR
from tstats.core.windows import Window
from tstats.influx.rows import NUMBERS, Field, Row

BUCKET = HOUR  # of a digest; half of it costs the server a quarter more, a minute ten times as much
_HALF_ULP = 2.0**-53
# More points than one hour of one group can have.
_MANY = 2**24

Function = Literal["count", "sum"]
Numbers = tuple[float, ...]
"""One number for each column."""
Cell = TypeVar("Cell")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A number that the server computes from a field.

    Attributes:
        function: what it computes.
        field: from which field.
        exact: whether it is a whole number on both sides, which no order of summation changes.
    """

    function: Function
    field: Field
    exact: bool = True


def columns(fields: Iterable[Field]) -> tuple[Column, ...]:
    """Return the columns of the digest of these fields: a count of each, and the sum of each number."""
    found: list[Column] = []
    for field in fields:
        found.append(Column(function="count", field=field))
        if field.kind in NUMBERS:
            found.append(Column(function="sum", field=field, exact=field.kind == "integer"))
    return tuple(found)


class Digest:
    """The numbers of each bucket and group of one side.

    Attributes:
        cells: by the bucket's start (ns) and the group's key; there is no cell without points.
    """

    __slots__ = ("_columns", "cells")

    def __init__(self, of: Sequence[Column]) -> None:
        self._columns = tuple(of)
        self.cells: dict[tuple[int, str], Numbers] = {}

    def add(self, group: str, place: int, rows: Iterable[Row]) -> None:
        """Add rows `(bucket, number)` of one column; two answers for one bucket add up.

        A count of 0 and a sum of None mean no points; a sum of 0 means some.
        """
        nothing = (0,) * len(self._columns)
        counts = self._columns[place].function == "count"
        for bucket, number in rows:
            if number or (number is not None and not counts):
                numbers = list(self.cells.get((bucket, group), nothing))
                numbers[place] += number
                self.cells[bucket, group] = tuple(numbers)

    def points(self, window: Window) -> int:
        """Return the points of the buckets that touch a window: the highest count among the fields."""
        counts = [place for place, column in enumerate(self._columns) if column.function == "count"]
        return int(
            sum(
                max(numbers[place] for place in counts)
                for (bucket, _), numbers in self.cells.items()
                if window.start - BUCKET < bucket < window.end
            )
        )

    def merge(self, other: "Digest") -> None:
        """Add a digest of other points."""
        for cell, numbers in other.cells.items():
            increase(self.cells, cell, numbers)

    def ungrouped(self) -> "Digest":
        """Return the same numbers in one group."""
        whole = Digest(self._columns)
        whole.cells = {(bucket, ""): numbers for bucket, numbers in self.totals().items()}
        return whole

    def total(self) -> Numbers:
        """Return the numbers of all buckets and groups together."""
        whole: Numbers = (0,) * len(self._columns)
        for numbers in self.cells.values():
            whole = plus(whole, numbers)
        return whole

    def totals(self) -> dict[int, Numbers]:
        """Return the numbers of each bucket, all groups together."""
        found: dict[int, Numbers] = {}
        for (bucket, _), numbers in self.cells.items():
            increase(found, bucket, numbers)
        return found


class Comparison(Enum):
    """How the target compares with the source in one bucket."""

    EQUAL = "equal"
    ABSENT = "absent"
    DIFFERENT = "different"


def compare(source: Digest, target: Digest, of: Sequence[Column]) -> dict[int, Comparison]:
    """Compare each bucket in which either side has points."""
    held = {bucket for bucket, _ in target.cells}
    found: dict[int, Comparison] = {}
    for bucket, ours, theirs in _pairs(source, target, of):
        found.setdefault(bucket, Comparison.EQUAL)
        if not equal(ours, theirs, of):
            found[bucket] = Comparison.DIFFERENT if bucket in held else Comparison.ABSENT
    return found


def differ_beyond_doubt(source: Digest, target: Digest, of: Sequence[Column]) -> set[int]:
    """Return the buckets whose sums differ by more than any rounding can explain, whatever the counts."""
    return {
        bucket
        for bucket, ours, theirs in _pairs(source, target, of)
        for column, left, right in zip(of, ours, theirs, strict=True)
        if column.function == "sum" and left != right and _exceeds_rounding(column, _MANY, left, right)
    }


def differ_in_number(source: Digest, target: Digest, of: Sequence[Column], buckets: Container[int]) -> bool:
    """Tell whether each differing cell of the buckets differs in a count: points are missing on one side."""
    for bucket, ours, theirs in _pairs(source, target, of):
        if bucket in buckets:
            numbers = zip(of, ours, theirs, strict=True)
            same = all(left == right for column, left, right in numbers if column.function == "count")
            if same and not equal(ours, theirs, of):
                return False
    return True


def _pairs(source: Digest, target: Digest, of: Sequence[Column]) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield each cell of either side: its bucket, and the numbers of both sides; zeros for no cell."""
    nothing = (0,) * len(of)
    for cell in source.cells.keys() | target.cells:
        yield cell[0], source.cells.get(cell, nothing), target.cells.get(cell, nothing)


def equal(left: Sequence[float], right: Sequence[float], of: Sequence[Column]) -> bool:
    """Tell whether two cells are equal, up to the rounding of sums of floats.

    A sum that is too large for a float is equal to nothing: it says nothing about the points.
    """
    if not all(map(isfinite, (*left, *right))):
        return False
    if tuple(left) == tuple(right):
        return True
    count = 0.0
    for column, ours, theirs in zip(of, left, right, strict=True):
        if column.function == "count":
            count = max(ours, theirs)
        if ours != theirs and _exceeds_rounding(column, count, ours, theirs):
            return False
    return True


def _exceeds_rounding(column: Column, count: float, left: float, right: float) -> bool:
    """Tell whether two numbers of `count` points differ by more than the order of summation explains."""
    return column.exact or abs(left - right) > _rounding(count, left, right)


def _rounding(count: float, left: float, right: float) -> float:
    """Return how far apart two sums of the same `count` floats can be when they are added in another order.

    Source: the error of a running sum of n values of one sign is at most n half units in the last place of
    the sum, on both sides. With values of both signs it can be more: that shows as a difference, which the
    comparison of the points then settles.
    """
    return 2 * count * _HALF_ULP * max(abs(left), abs(right))


def plus(left: Sequence[float], right: Sequence[float]) -> Numbers:
    """Add two cells."""
    return tuple(ours + theirs for ours, theirs in zip(left, right, strict=True))


def increase(held: dict[Cell, Numbers], cell: Cell, by: Numbers) -> None:
    """Add to what is held in a cell."""
    held[cell] = plus(held[cell], by) if cell in held else by


def numbers_of(row: Row, of: Sequence[Column], places: Sequence[int]) -> Numbers:
    """Return what one point adds to a digest.

    Args:
        row: the point.
        of: the digest's columns.
        places: for each column, the place of its field in the row.
    """
    return tuple(
        (row[place] is not None) * 1 if column.function == "count" else row[place] or 0
        for column, place in zip(of, places, strict=True)
    )
