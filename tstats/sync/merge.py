"""Compare two sides point by point while both stream in: what each lacks of the other under a policy.

Both streams are ordered by series and time, so at most a piece of one series of each side is held at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import takewhile
from typing import Any

from tstats.errors import ServerError
from tstats.influx.rows import Row, SeriesRows


class Policy(StrEnum):
    """Which value wins where both sides have one and they differ."""

    MAX = "max"
    SOURCE = "source"
    MISSING = "missing"


@dataclass(slots=True, kw_only=True)
class SeriesDifference:
    """Where the two sides of a piece of one series differ.

    Attributes:
        tags: of the series.
        to_target: rows to give to the target; None for each value that it keeps.
        to_source: the same for the source, when syncing both ways.
        missing: points of the source that the target lacks, whole or some field of them.
        lower: points of which the target has a lower value (or another text that is to be replaced).
        ahead: points of which the target has a higher value (or another text that stays).
        only_in_target: points that the source lacks, whole or some field of them.
        left: what the sides will hold then, `(source's row, target's row)`, where they still differ.
    """

    tags: dict[str, str]
    to_target: list[Row] = field(default_factory=list)
    to_source: list[Row] = field(default_factory=list)
    missing: int = 0
    lower: int = 0
    ahead: int = 0
    only_in_target: int = 0
    left: list[tuple[Row, Row]] = field(default_factory=list)


class Merge:
    """A comparison under one policy.

    Args:
        policy: which value wins.
        both_ways: give the source what it lacks, too.
        fields: how many values a row has after its time.
    """

    def __init__(self, *, policy: Policy, both_ways: bool, fields: int) -> None:
        self._policy = policy
        self._both_ways = both_ways
        self._nothing = (None,) * fields

    def differences(
        self, source: Iterator[SeriesRows], target: Iterator[SeriesRows]
    ) -> Iterator[tuple[SeriesDifference | None, int]]:
        """Yield each piece with its number of rows: how the sides differ in it, or None where they do not.

        Raises:
            ServerError: the series of a side are out of order.
        """
        sources, targets = _Pieces(source), _Pieces(target)
        while sources.piece is not None or targets.piece is not None:
            here, there = sources.piece, targets.piece
            if there is None or (here is not None and here.key < there.key):
                assert here is not None  # noqa: S101 (the loop's condition; mypy cannot see it)
                yield self.compare_rows(here.tags, here.rows, []), len(here.rows)
                sources.advance()
            elif here is None or there.key < here.key:
                yield self.compare_rows(there.tags, [], there.rows), len(there.rows)
                targets.advance()
            elif here.rows == there.rows:
                yield None, 2 * len(here.rows)
                sources.advance()
                targets.advance()
            else:
                # Beyond the earlier of the two ends, one side has not said yet what it holds.
                horizon = min(here.rows[-1][0], there.rows[-1][0])
                ours, theirs = sources.take(horizon), targets.take(horizon)
                yield self.compare_rows(here.tags, ours, theirs), len(ours) + len(theirs)

    def compare_rows(
        self, tags: dict[str, str], ours: list[Row], theirs: list[Row]
    ) -> SeriesDifference | None:
        """Return how the rows of a series differ, both in the order of time; None where they do not."""
        if not theirs:
            return SeriesDifference(tags=tags, to_target=ours, missing=len(ours))
        if not ours and self._both_ways:
            return SeriesDifference(tags=tags, to_source=theirs, only_in_target=len(theirs))
        if not ours:
            left = [((row[0], *self._nothing), row) for row in theirs]
            return SeriesDifference(tags=tags, only_in_target=len(theirs), left=left)
        same = set(ours) & set(theirs)
        here = {row[0]: row for row in ours if row not in same}
        there = {row[0]: row for row in theirs if row not in same}
        times = sorted(here.keys() | there.keys())
        if not times:
            return None
        difference = SeriesDifference(tags=tags)
        for time in times:
            nothing = (time, *self._nothing)
            self._compare_point(here.get(time, nothing), there.get(time, nothing), difference)
        return difference

    def _compare_point(self, ours: Row, theirs: Row, difference: SeriesDifference) -> None:
        """Add how two rows of one time differ."""
        to_target: list[Any] = [ours[0], *self._nothing]
        to_source: list[Any] = [ours[0], *self._nothing]
        missing = lower = ahead = only = False
        for place in range(1, len(ours)):
            mine, other = ours[place], theirs[place]
            if mine == other:
                continue
            if other is None:
                missing = True
                to_target[place] = mine
            elif mine is None:
                only = True
                if self._both_ways:
                    to_source[place] = other
            else:
                replaced, is_lower = self._replaced(mine, other)
                lower, ahead = lower or is_lower, ahead or not is_lower
                if replaced:
                    to_target[place] = mine
                elif self._both_ways and self._policy is Policy.MAX and not is_lower and _is_number(mine):
                    to_source[place] = other
        difference.missing += missing
        difference.lower += lower
        difference.ahead += ahead
        difference.only_in_target += only
        for rows, given in ((difference.to_target, to_target), (difference.to_source, to_source)):
            if any(value is not None for value in given[1:]):
                rows.append(tuple(given))
        left = (_with(ours, to_source), _with(theirs, to_target))
        if left[0] != left[1]:
            difference.left.append(left)

    def _replaced(self, mine: Any, other: Any) -> tuple[bool, bool]:  # noqa: ANN401 (a field's value)
        """Tell whether the target's value is replaced, and whether it counts as lower."""
        if not _is_number(mine) or not _is_number(other):
            return self._policy is Policy.SOURCE, self._policy is Policy.SOURCE
        is_lower = other < mine
        if self._policy is Policy.MAX:
            return is_lower, is_lower
        return self._policy is Policy.SOURCE, is_lower


class _Pieces:
    """The next piece of a stream; `take` takes a part of it."""

    def __init__(self, stream: Iterator[SeriesRows]) -> None:
        self._stream = stream
        self.piece: SeriesRows | None = None
        self.advance()

    def advance(self) -> None:
        """Go on to the next piece."""
        following = next(self._stream, None)
        if self.piece is not None and following is not None and following.key < self.piece.key:
            raise ServerError(f"a server sent its series out of order: {self.piece.tags}, {following.tags}")
        self.piece = following

    def take(self, horizon: int) -> list[Row]:
        """Take the rows up to and including `horizon`; what comes after it stays."""
        piece = self.piece
        assert piece is not None  # noqa: S101 (the caller has it)
        if piece.rows[-1][0] <= horizon:
            self.advance()
            return piece.rows
        taken = list(takewhile(lambda row: row[0] <= horizon, piece.rows))
        self.piece = SeriesRows(key=piece.key, tags=piece.tags, rows=piece.rows[len(taken) :])
        return taken


def _is_number(value: Any) -> bool:  # noqa: ANN401 (a field's value)
    return not isinstance(value, str | bool)


def _with(row: Row, given: list[Any]) -> Row:
    return tuple(new if new is not None else old for old, new in zip(row, given, strict=True))
