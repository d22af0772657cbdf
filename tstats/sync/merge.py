"""Compares two sides point by point, as both come in: what each lacks of the other under a policy.

Both streams are in the order of series and time, so no more than a piece of one series of each side is
held at a time.
"""

from collections.abc import Iterator
from enum import StrEnum
from itertools import takewhile
from typing import Any

import msgspec

from tstats.errors import ServerError
from tstats.influx.rows import Row, SeriesRows


class Policy(StrEnum):
    """Which value stays where both sides have one and they differ."""

    MAX = "max"
    SOURCE = "source"
    MISSING = "missing"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where the two sides of a piece of one series differ.

    Attributes:
        tags: of the series.
        to_target: rows that the target is to be given; None for each value that it keeps.
        to_source: the same for the source, when healing both ways.
        missing: points of the source that the target lacks, whole or some field of them.
        lower: points of which the target has a lower value (or another text, that is to be replaced).
        ahead: points of which the target has a higher value (or another text, that stays).
        only_in_target: points that the source lacks, whole or some field of them.
        left: what the sides hold after that, `(source's row, target's row)`, where they still differ.
    """

    tags: dict[str, str]
    to_target: list[Row] = []
    to_source: list[Row] = []
    missing: int = 0
    lower: int = 0
    ahead: int = 0
    only_in_target: int = 0
    left: list[tuple[Row, Row]] = []


class Merge:
    """A comparison under one policy.

    Args:
        policy: which value stays.
        both_ways: the source is given what it lacks, too.
        fields: how many values a row has after its time.
    """

    def __init__(self, *, policy: Policy, both_ways: bool, fields: int) -> None:
        self._policy = policy
        self._both_ways = both_ways
        self._nothing = (None,) * fields

    def differences(
        self, source: Iterator[SeriesRows], target: Iterator[SeriesRows]
    ) -> Iterator[tuple[Difference | None, int]]:
        """Each piece in which the sides differ, or None for one that is equal, and the rows it took.

        Raises:
            ServerError: a side does not come in the order of its series.
        """
        sources, targets = _Pieces(source), _Pieces(target)
        while sources.piece is not None or targets.piece is not None:
            here, there = sources.piece, targets.piece
            if there is None or (here is not None and here.key < there.key):
                assert here is not None  # noqa: S101 (the loop's condition; mypy cannot see it)
                yield self._compared(here.tags, here.rows, []), len(here.rows)
                sources.advance()
            elif here is None or there.key < here.key:
                yield self._compared(there.tags, [], there.rows), len(there.rows)
                targets.advance()
            elif here.rows == there.rows:
                yield None, 2 * len(here.rows)
                sources.advance()
                targets.advance()
            else:
                # Beyond the earlier of the two ends, one side has not told yet what it holds.
                horizon = min(here.rows[-1][0], there.rows[-1][0])
                ours, theirs = sources.take(horizon), targets.take(horizon)
                yield self._compared(here.tags, ours, theirs), len(ours) + len(theirs)

    def _compared(self, tags: dict[str, str], ours: list[Row], theirs: list[Row]) -> Difference | None:
        if not theirs:
            return Difference(tags=tags, to_target=ours, missing=len(ours))
        if not ours:
            given, left = (
                (theirs, []) if self._both_ways else ([], [((r[0], *self._nothing), r) for r in theirs])
            )
            return Difference(tags=tags, to_source=given, only_in_target=len(theirs), left=left)
        same = set(ours) & set(theirs)
        mine = {row[0]: row for row in ours if row not in same}
        others = {row[0]: row for row in theirs if row not in same}
        pairs = [
            self._pair(mine.get(time), others.get(time), time) for time in sorted(mine.keys() | others.keys())
        ]
        if not pairs:
            return None
        return Difference(
            tags=tags,
            to_target=[row for pair in pairs if (row := pair.to_target)],
            to_source=[row for pair in pairs if (row := pair.to_source)],
            missing=sum(pair.missing for pair in pairs),
            lower=sum(pair.lower for pair in pairs),
            ahead=sum(pair.ahead for pair in pairs),
            only_in_target=sum(pair.only_in_target for pair in pairs),
            left=[pair.left for pair in pairs if pair.left[0] != pair.left[1]],
        )

    def _pair(self, ours: Row | None, theirs: Row | None, time: int) -> "_Pair":
        nothing = (time, *self._nothing)
        here, there = ours or nothing, theirs or nothing
        to_target: list[Any] = [time, *self._nothing]
        to_source: list[Any] = [time, *self._nothing]
        missing = lower = ahead = only = False
        for place in range(1, len(nothing)):
            mine, other = here[place], there[place]
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
                elif self._both_ways and self._policy is Policy.MAX and not is_lower and _ordered(mine):
                    to_source[place] = other
        return _Pair(
            to_target=_unless_empty(to_target),
            to_source=_unless_empty(to_source),
            missing=missing,
            lower=lower,
            ahead=ahead,
            only_in_target=only,
            left=(_with(here, to_source), _with(there, to_target)),
        )

    def _replaced(self, mine: Any, other: Any) -> tuple[bool, bool]:  # noqa: ANN401 (a field's value)
        """Whether the target's value is replaced, and whether it counts as lower."""
        if not _ordered(mine) or not _ordered(other):
            return self._policy is Policy.SOURCE, self._policy is Policy.SOURCE
        is_lower = other < mine
        if self._policy is Policy.MAX:
            return is_lower, is_lower
        return self._policy is Policy.SOURCE, is_lower


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    to_target: Row | None
    to_source: Row | None
    missing: bool
    lower: bool
    ahead: bool
    only_in_target: bool
    left: tuple[Row, Row]


class _Pieces:
    """The piece of a stream that is next; `take` gives a part of it."""

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
        """The rows of this piece up to and with `horizon`; what comes after them stays."""
        piece = self.piece
        assert piece is not None  # noqa: S101 (the caller has it)
        if piece.rows[-1][0] <= horizon:
            self.advance()
            return piece.rows
        taken = list(takewhile(lambda row: row[0] <= horizon, piece.rows))
        self.piece = SeriesRows(key=piece.key, tags=piece.tags, rows=piece.rows[len(taken) :])
        return taken


def _ordered(value: Any) -> bool:  # noqa: ANN401 (a field's value)
    return not isinstance(value, str | bool)


def _unless_empty(row: list[Any]) -> Row | None:
    return None if all(value is None for value in row[1:]) else tuple(row)


def _with(row: Row, given: list[Any]) -> Row:
    return tuple(new if new is not None else old for old, new in zip(row, given, strict=True))
