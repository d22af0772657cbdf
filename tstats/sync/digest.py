"""What a server says of points without sending them, and what two servers' words say of each other.

A digest is, for each hour and each group of series, the count of every field and the sum of every number.
Two sides whose digests differ hold different points. Two sides whose digests are equal can still differ
where counts and sums stay what they are:

- values exchanged between two times of one hour, or between two series of one group;
- as many points missing here as there, in one hour and group, with values of the same sum: that takes
  zeros or constants, or luck;
- a number that is off by less than the rounding of its sum (`_rounding`);
- the texts of strings and the truth of booleans, of which only the count is taken.

Where the last matter (the policy `source`), no digest is trusted and every point is compared.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, TypeVar

from tstats.core.time import HOUR
from tstats.core.windows import Window
from tstats.influx.rows import NUMBERS, Field, Row

BUCKET = HOUR  # of one digest; half of it costs the server a quarter more, a minute ten times as much
_HALF_ULP = 2.0**-53
# More points than one hour of one group can have.
_MANY = 2**24

Function = Literal["count", "sum"]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A number that the server computes of a field.

    Attributes:
        function: what it computes.
        field: of which field.
        exact: whether it is a whole number on both sides, which no order of summation changes.
    """

    function: Function
    field: Field
    exact: bool = True


def columns(fields: Iterable[Field]) -> tuple[Column, ...]:
    """The columns of the digest of these fields: a count of each, and next to it the sum of a number."""
    found: list[Column] = []
    for field in fields:
        found.append(Column(function="count", field=field))
        if field.kind in NUMBERS:
            found.append(Column(function="sum", field=field, exact=field.kind == "integer"))
    return tuple(found)


Numbers = tuple[float, ...]
"""One number for each column."""


class Digest:
    """The numbers of each bucket and group of one side.

    Attributes:
        cells: by the bucket's start (ns) and the group's key; no cell without points.
    """

    __slots__ = ("_columns", "cells")

    def __init__(self, of: Sequence[Column]) -> None:
        self._columns = tuple(of)
        self.cells: dict[tuple[int, str], Numbers] = {}

    def add(self, group: str, place: int, rows: Iterable[Row]) -> None:
        """Take rows `(bucket, number)` of one column in; two answers of one bucket add up.

        A count of 0 and a sum that is None are of no points; a sum of 0 is one.
        """
        nothing = (0,) * len(self._columns)
        counts = self._columns[place].function == "count"
        for bucket, number in rows:
            if number or (number is not None and not counts):
                numbers = list(self.cells.get((bucket, group), nothing))
                numbers[place] += number
                self.cells[bucket, group] = tuple(numbers)

    def points(self, window: Window) -> int:
        """At least so many points begin a bucket in the window: the highest count among the fields."""
        counts = [place for place, column in enumerate(self._columns) if column.function == "count"]
        return int(
            sum(
                max(numbers[place] for place in counts)
                for (bucket, _), numbers in self.cells.items()
                if window.start - BUCKET < bucket < window.end
            )
        )

    def merge(self, other: "Digest") -> None:
        """Take another digest of other points in."""
        for cell, numbers in other.cells.items():
            increase(self.cells, cell, numbers)

    def ungrouped(self) -> "Digest":
        """The same numbers in one group."""
        whole = Digest(self._columns)
        whole.cells = {(bucket, ""): numbers for bucket, numbers in self.totals().items()}
        return whole

    def total(self) -> Numbers:
        """The numbers of all buckets and groups together."""
        whole: Numbers = (0,) * len(self._columns)
        for numbers in self.cells.values():
            whole = plus(whole, numbers)
        return whole

    def totals(self) -> dict[int, Numbers]:
        """The numbers of each bucket, all groups together."""
        found: dict[int, Numbers] = {}
        for (bucket, _), numbers in self.cells.items():
            increase(found, bucket, numbers)
        return found


class Verdict(Enum):
    """How the target stands in one bucket."""

    EQUAL = "equal"
    ABSENT = "absent"
    DIFFERENT = "different"


def compare(source: Digest, target: Digest, of: Sequence[Column]) -> dict[int, Verdict]:
    """The verdict on each bucket in which either side has points."""
    held = {bucket for bucket, _ in target.cells}
    verdicts: dict[int, Verdict] = {}
    for bucket, ours, theirs in _pairs(source, target, of):
        verdicts.setdefault(bucket, Verdict.EQUAL)
        if not equal(ours, theirs, of):
            verdicts[bucket] = Verdict.DIFFERENT if bucket in held else Verdict.ABSENT
    return verdicts


def differ_beyond_doubt(source: Digest, target: Digest, of: Sequence[Column]) -> set[int]:
    """The buckets whose sums differ by more than the rounding of any number of points: no count is needed."""
    return {
        bucket
        for bucket, ours, theirs in _pairs(source, target, of)
        for column, left, right in zip(of, ours, theirs, strict=True)
        if column.function == "sum" and left != right and _is_no_rounding(column, _MANY, left, right)
    }


def differ_in_number(source: Digest, target: Digest, of: Sequence[Column], buckets: Container[int]) -> bool:
    """Whether each cell of the buckets that differs does so in a count: points are missing on one side."""
    for bucket, ours, theirs in _pairs(source, target, of):
        if bucket in buckets:
            numbers = zip(of, ours, theirs, strict=True)
            same = all(left == right for column, left, right in numbers if column.function == "count")
            if same and not equal(ours, theirs, of):
                return False
    return True


def _pairs(source: Digest, target: Digest, of: Sequence[Column]) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Each cell that either side has: its bucket, and the numbers of both sides; zeros where one has none."""
    nothing = (0,) * len(of)
    for cell in source.cells.keys() | target.cells:
        yield cell[0], source.cells.get(cell, nothing), target.cells.get(cell, nothing)


def equal(one: Sequence[float], other: Sequence[float], of: Sequence[Column]) -> bool:
    """Whether two cells are the same, up to the rounding of sums of floats."""
    if tuple(one) == tuple(other):
        return True
    count = 0.0
    for column, left, right in zip(of, one, other, strict=True):
        if column.function == "count":
            count = max(left, right)
        if left != right and _is_no_rounding(column, count, left, right):
            return False
    return True


def _is_no_rounding(column: Column, count: float, left: float, right: float) -> bool:
    """Whether two numbers of so many points are further apart than an order of summation explains."""
    return column.exact or abs(left - right) > _rounding(count, left, right)


def _rounding(count: float, left: float, right: float) -> float:
    """How far two sums of the same `count` floats can lie apart when they are added in another order.

    Source: the error of a running sum of n values of one sign is at most n half units in the last place of
    the sum; both sides have it. With values of both signs it can be more: that shows as a difference,
    which the comparison of the points then settles.
    """
    return 2 * count * _HALF_ULP * max(abs(left), abs(right))


def plus(one: Sequence[float], other: Sequence[float]) -> Numbers:
    """The sum of two cells."""
    return tuple(left + right for left, right in zip(one, other, strict=True))


def increase(held: dict[Key, Numbers], key: Key, by: Numbers) -> None:
    """Add to what is held under a key."""
    held[key] = plus(held[key], by) if key in held else by


def numbers_of(row: Row, of: Sequence[Column], places: Sequence[int]) -> Numbers:
    """What one point adds to the digest.

    Args:
        row: the point.
        of: the digest's columns.
        places: for each column the place of its field in the row.
    """
    return tuple(
        (row[place] is not None) * 1 if column.function == "count" else row[place] or 0
        for column, place in zip(of, places, strict=True)
    )
