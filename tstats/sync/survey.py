"""Surveys a window: what the servers' digests tell of its hours, and of the values of a tag in them."""

from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field

from tstats.core.windows import Window
from tstats.errors import TooMuchError
from tstats.influx.rows import Row, SeriesRows
from tstats.sync.digest import (
    Column,
    Digest,
    Function,
    Numbers,
    Verdict,
    compare,
    differ_beyond_doubt,
    differ_in_number,
    equal,
    plus,
)
from tstats.sync.read import Divider, Reader, begun
from tstats.sync.segments import Portion

# More differing values of a tag in one hour are not worth a condition each.
MOST_VALUES = 2_000
# With fewer values of a tag, those of one of them would be no small part of the measurement.
FEWEST_VALUES = 30
# Hours in which so many of the points lie in series that differ are read whole.
_MOST_OF = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """How the differences of one measurement are looked for.

    Attributes:
        of: the columns of the digests.
        groups: the tags by which they are grouped.
        tag: the tag by whose values differing series are read; None reads whole hours.
        values: of that tag, on either side.
        same_series: whether both sides have the same series. If not, a digest without tags is not trusted:
            points may be equal in number and sum, and belong to other series.
        few: where both sides together have no more points in a window, they are compared one by one: that
            takes no longer than a digest, and hides nothing.
        verified: windows are digested again after they have been synced.
    """

    of: tuple[Column, ...]
    groups: tuple[str, ...]
    tag: str | None
    values: Sequence[str]
    same_series: bool
    few: int
    verified: bool

    @property
    def counts_suffice(self) -> bool:
        """Whether sums need not be asked for in hours whose counts differ.

        What counts pass by are values that are lower, which the verification finds, if there is one; and
        values that landed in other series, which it does not find.
        """
        return self.same_series and self.verified

    @property
    def counts(self) -> tuple[Column, ...]:
        """The columns that count."""
        return tuple(column for column in self.of if column.function == "count")


@dataclass(slots=True)
class Hour:
    """What the values of the tag tell of one hour.

    Attributes:
        source, target: the numbers of each side, in the columns that were asked for.
        values: those of series that differ; no more than one above `MOST_VALUES`.
        differing: the points of the series that differ.
        points: those of all series; of each the higher number of both sides.
    """

    source: Numbers
    target: Numbers
    values: set[str] = field(default_factory=set)
    differing: int = 0
    points: int = 0

    def is_narrow(self) -> bool:
        """Whether to read these values alone is less work than to read the hour."""
        return len(self.values) <= MOST_VALUES and self.differing <= _MOST_OF * self.points


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is known of a window before any point of it has been read.

    Attributes:
        source, target: the digests of both sides.
        verdicts: on each hour in which either side has points.
        hours: what the values of the tag tell, where they were asked for already.
    """

    source: Digest
    target: Digest
    verdicts: dict[int, Verdict]
    hours: dict[int, Hour]


class Surveyor:
    """Asks both sides, at the same time, for digests.

    Args:
        source: reader of one side.
        target: reader of the other.
        divider: asks for parts of a window that is too much for a server.
        approach: how to look.
        executor: makes the requests.
    """

    def __init__(
        self, source: Reader, target: Reader, *, divider: Divider, approach: Approach, executor: Executor
    ) -> None:
        self._source = source
        self._target = target
        self._divider = divider
        self._approach = approach
        self._executor = executor

    def survey(self, window: Window) -> Survey:
        """Look at a window: at the sums first, then at the counts.

        Sums tell of every number that is missing or another one, but zeros. Where they differ in most hours,
        the counts are taken by the values of the tag at once: these would be asked for next, to find what
        differs.
        """
        source, target = self._digests(window, "sum")
        differing = differ_beyond_doubt(source, target, self._approach.of)
        hours: dict[int, Hour] = {}
        if self._is_most(differing, source, target):
            with suppress(TooMuchError):  # without the values of the tag it is less
                hours = self.by_value(window, self._approach.counts)
        if hours:
            source, target = source.ungrouped(), target.ungrouped()
            self._count_hours(source, {bucket: hour.source for bucket, hour in hours.items()})
            self._count_hours(target, {bucket: hour.target for bucket, hour in hours.items()})
            differing |= {bucket for bucket, hour in hours.items() if hour.values}
        else:
            for whole, counts in zip((source, target), self._digests(window, "count"), strict=True):
                whole.merge(counts)
        verdicts = compare(source, target, self._approach.of)
        verdicts |= {
            bucket: Verdict.DIFFERENT for bucket in differing if verdicts.get(bucket) is Verdict.EQUAL
        }
        return Survey(source=source, target=target, verdicts=verdicts, hours=hours)

    def _digests(self, window: Window, function: Function) -> tuple[Digest, Digest]:
        of, groups = self._approach.of, self._approach.groups
        source, target = (
            self._executor.submit(self._divider.digest, reader, window, of, groups, function)
            for reader in (self._source, self._target)
        )
        return source.result(), target.result()

    def _is_most(self, differing: Container[int], source: Digest, target: Digest) -> bool:
        """Whether both sides hold most hours and differ in them: then counts by the tag are enough."""
        approach = self._approach
        if approach.tag is None or len(approach.values) < FEWEST_VALUES or not approach.counts_suffice:
            return False
        ours, theirs = ({bucket for bucket, _ in side.cells} for side in (source, target))
        on_both = sum(bucket in differing for bucket in ours & theirs)
        return 2 * on_both > len(ours | theirs)

    def _count_hours(self, digest: Digest, hours: dict[int, Numbers]) -> None:
        for place, column in enumerate(self._approach.counts):
            rows = [(bucket, numbers[place]) for bucket, numbers in hours.items()]
            digest.add("", self._approach.of.index(column), rows)

    def columns_to_find(self, hours: Container[int], survey: Survey) -> tuple[Column, ...]:
        """The columns that tell what differs in these hours: counts cost half of counts and sums."""
        approach = self._approach
        in_number = differ_in_number(survey.source, survey.target, approach.of, hours)
        return approach.counts if approach.counts_suffice and in_number else approach.of

    def by_value(self, window: Window, of: tuple[Column, ...]) -> dict[int, Hour]:
        """What the values of the tag tell of each hour of a window.

        Raises:
            TooMuchError: of a part of the window it can succeed.
        """
        hours: dict[int, Hour] = {}
        portion = Portion(window=window)
        nothing = (0,) * len(of)
        # Where a point may have landed in another series, that can have the same value of the tag.
        by = self._approach.tag if self._approach.same_series else None
        with (
            begun(self._executor, self._source.digest_rows(portion, of, by=by)) as source,
            begun(self._executor, self._target.digest_rows(portion, of, by=by)) as target,
        ):
            for tags, bucket, ours, theirs in Pairs(source, target):
                hour = hours.setdefault(bucket, Hour(nothing, nothing))
                hour.source = plus(hour.source, ours)
                hour.target = plus(hour.target, theirs)
                points = max(_count(ours, of), _count(theirs, of))
                hour.points += points
                if not equal(ours, theirs, of):
                    hour.differing += points
                    if len(hour.values) <= MOST_VALUES:
                        hour.values.add(tags[self._approach.tag or ""])
        return hours


class Pairs:
    """The digests of two sides, series by series and bucket by bucket, next to each other.

    Iterating gives the series' tags, the bucket, and the numbers of each side (zeros where it has none).
    """

    def __init__(self, source: Iterator[SeriesRows], target: Iterator[SeriesRows]) -> None:
        self._source = source
        self._target = target

    def __iter__(self) -> Iterator[tuple[dict[str, str], int, tuple[float, ...], tuple[float, ...]]]:
        ours, theirs = _grouped(self._source), _grouped(self._target)
        here, there = next(ours, None), next(theirs, None)
        while here is not None or there is not None:
            key = min(one.key for one in (here, there) if one is not None)
            mine: dict[int, Row] = {}
            others: dict[int, Row] = {}
            tags: dict[str, str] = {}
            if here is not None and here.key == key:
                mine, tags = {row[0]: row[1:] for row in here.rows}, here.tags
                here = next(ours, None)
            if there is not None and there.key == key:
                others, tags = {row[0]: row[1:] for row in there.rows}, there.tags
                there = next(theirs, None)
            nothing = (0,) * len(next(iter((mine or others).values())))
            for bucket in sorted(mine.keys() | others.keys()):
                yield (
                    tags,
                    bucket,
                    _zeros(mine.get(bucket, nothing)),
                    _zeros(others.get(bucket, nothing)),
                )


def _grouped(pieces: Iterator[SeriesRows]) -> Iterator[SeriesRows]:
    """The pieces with those of one series joined: a digest has no more rows than a window has hours."""
    held: SeriesRows | None = None
    for piece in pieces:
        if held is not None and held.key == piece.key:
            held = SeriesRows(key=held.key, tags=held.tags, rows=[*held.rows, *piece.rows])
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _zeros(numbers: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(0 if number is None else number for number in numbers)


def _count(numbers: Iterable[float], of: tuple[Column, ...]) -> int:
    return int(max(number for number, column in zip(numbers, of, strict=True) if column.function == "count"))
