"""Finds where two sides of a measurement differ: hours by digests, then values of a tag, then points."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from tstats.core.digest import BUCKET, Column, Digest, Verdict, compare, differ_in_number, equal
from tstats.core.merge import Merge, Policy
from tstats.core.portion import OneOf, Portion
from tstats.core.rows import Row, SeriesRows
from tstats.core.windows import Window, runs
from tstats.errors import TooMuchError
from tstats.services.sync_read import Reader, begun

# An hour with fewer points is read whole: to find the series in it would take longer.
SMALL_HOUR = 5_000
# More differing values of a tag in one hour are not worth a condition each.
MOST_VALUES = 2_000
# Hours in which so many of the points lie in series that differ are read whole.
_MOST_OF = 0.4
# So many rows can be read in the time that another query costs.
_ROWS_OF_A_QUERY = 500
# With fewer values of a tag, those of one of them would be no small sample.
_FEWEST_VALUES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A portion of a measurement in which the sides may differ.

    Attributes:
        portion: what to look at.
        absent: the target has nothing of it, so that it can be copied without being compared.
    """

    portion: Portion
    absent: bool = False


@dataclass(slots=True)
class _Hour:
    """What is found out about one hour: the values of the chosen tag in series that differ."""

    values: set[str] = field(default_factory=set)
    differing: int = 0
    points: int = 0

    def is_narrow(self) -> bool:
        return len(self.values) <= MOST_VALUES and self.differing <= _MOST_OF * self.points


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """How the differences of one measurement are looked for.

    Attributes:
        tag: the tag by whose values differing series are read; None reads whole hours.
        values: of that tag, on either side.
        same_series: whether both sides have the same series. If not, a digest without tags is not trusted:
            points may be equal in number and sum, and belong to other series.
        few: where both sides together have no more points in a window, they are compared one by one: that
            takes no longer than a digest, and hides nothing.
        verified: windows are digested again after they have been synced.
    """

    tag: str | None
    values: Sequence[str]
    same_series: bool
    few: int
    verified: bool


class Localizer:
    """Turns the digests of a window into the portions that are to be read.

    Args:
        source: reader of one side.
        target: reader of the other.
        of: the columns of the digests.
        approach: how to look.
        executor: begins the requests to both sides at the same time.
    """

    def __init__(
        self,
        source: Reader,
        target: Reader,
        *,
        of: tuple[Column, ...],
        approach: Approach,
        executor: Executor,
    ) -> None:
        self._source = source
        self._target = target
        self._of = of
        self._approach = approach
        self._executor = executor

    def work(self, window: Window, source: Digest, target: Digest) -> list[Work]:
        """What is to be read of a window after a look at its digests, oldest first.

        Raises:
            TooMuchError: a half of the window can succeed.
        """
        if (
            source.cells
            and target.cells
            and source.points(window) + target.points(window) <= self._approach.few
        ):
            return [Work(portion=Portion(window=window))]
        verdicts = compare(source, target, self._of)
        absent = [bucket for bucket, verdict in verdicts.items() if verdict is Verdict.ABSENT]
        suspect = [
            bucket
            for bucket, verdict in verdicts.items()
            if verdict is Verdict.DIFFERENT or (verdict is Verdict.EQUAL and not self._approach.same_series)
        ]
        work = [
            Work(portion=Portion(window=part), absent=True)
            for run in runs(absent, step=BUCKET)
            if (part := run.overlap(window))
        ]
        equal_hours = {bucket for bucket, verdict in verdicts.items() if verdict is Verdict.EQUAL}
        if self._approach.same_series and equal_hours:
            work += [
                Work(portion=Portion(window=part))
                for run in runs(equal_hours & self._differing_in_sample(window), step=BUCKET)
                if (part := run.overlap(window))
            ]
        dense: set[int] = set()
        for run in runs(suspect, step=BUCKET):
            if part := run.overlap(window):
                points = max(source.points(run), target.points(run))
                hours = (run.end - run.start) // BUCKET
                if self._approach.tag is None or points <= SMALL_HOUR * hours:
                    work.append(Work(portion=Portion(window=part)))
                else:
                    dense.update(range(run.start, run.end, BUCKET))
        for run in _with_small_gaps(dense):
            if part := run.overlap(window):
                work.extend(self._by_value(part, dense, self._columns_to_find(dense, source, target)))
        return sorted(work, key=lambda one: one.portion.window.start)

    def _differing_in_sample(self, window: Window) -> set[int]:
        """The hours in which the series of one value of the tag differ, point by point.

        Each window takes another value. It costs next to nothing, and shows what hides best from digests:
        minutes that all series lack, as many on one side as on the other, of values that are constant.
        """
        values = [value for value in self._approach.values if value]
        if self._approach.tag is None or len(values) < _FEWEST_VALUES:
            return set()
        value = values[window.start // window.length % len(values)]
        portion = Portion(window=window, only=(OneOf(tag=self._approach.tag, values=(value,)),))
        merge = Merge(policy=Policy.MISSING, both_ways=False, fields=self._source.fields)
        hours: set[int] = set()
        try:
            with (
                begun(self._executor, self._source.rows(portion)) as source,
                begun(self._executor, self._target.rows(portion)) as target,
            ):
                for difference, _ in merge.differences(source, target):
                    if difference is not None:
                        times = [row[0] for row in difference.to_target]
                        times += [row[0] for row, _ in difference.left]
                        hours.update(time // BUCKET * BUCKET for time in times)
        except TooMuchError:  # the sample is a bonus
            return set()
        return hours

    def _columns_to_find(self, hours: set[int], source: Digest, target: Digest) -> tuple[Column, ...]:
        """The columns that tell what differs in these hours: counts cost half of what sums cost.

        Where points are missing, values may be lower as well, next to them: that is found when the window
        is verified, so counts suffice only when it will be.
        """
        if (
            self._approach.same_series
            and self._approach.verified
            and differ_in_number(source, target, self._of, hours)
        ):
            return tuple(column for column in self._of if column.function == "count")
        return self._of

    def _by_value(self, window: Window, suspect: set[int], of: tuple[Column, ...]) -> Iterator[Work]:
        """What is to be read of the suspect hours in a window: a few values of the tag, or the whole hour."""
        hours: dict[int, _Hour] = {}
        portion = Portion(window=window)
        # Where a point may have landed in another series, that can have the same value of the tag.
        by = self._approach.tag if self._approach.same_series else None
        try:
            with (
                begun(self._executor, self._source.digest_rows(portion, of, by=by)) as source,
                begun(self._executor, self._target.digest_rows(portion, of, by=by)) as target,
            ):
                for tags, bucket, ours, theirs in Pairs(source, target):
                    if bucket not in suspect:
                        continue
                    hour = hours.setdefault(bucket, _Hour())
                    points = max(_count(ours, of), _count(theirs, of))
                    hour.points += points
                    if not equal(ours, theirs, of):
                        hour.differing += points
                        if len(hour.values) <= MOST_VALUES:
                            hour.values.add(tags[self._approach.tag or ""])
        except TooMuchError:  # the points of a part of it may be less work than the digests of all of it
            for run in runs(suspect, step=BUCKET):
                if part := run.overlap(window):
                    yield Work(portion=Portion(window=part))
            return
        whole = [bucket for bucket, hour in hours.items() if not hour.is_narrow()]
        for run in runs(whole, step=BUCKET):
            if part := run.overlap(window):
                yield Work(portion=Portion(window=part))
        narrow = {bucket: hour for bucket, hour in hours.items() if hour.differing and hour.is_narrow()}
        for run, values in _joined(narrow):
            if part := run.overlap(window):
                only = OneOf(tag=self._approach.tag or "", values=tuple(sorted(values)))
                yield Work(portion=Portion(window=part, only=(only,)))


def _with_small_gaps(hours: set[int]) -> list[Window]:
    """The windows of these hours; two whose gap is no longer than both are one: each query has its price."""
    found: list[Window] = []
    for run in runs(hours, step=BUCKET):
        if found and run.start - found[-1].end <= found[-1].length + run.length:
            found[-1] = Window(start=found[-1].start, end=run.end)
        else:
            found.append(run)
    return found


def _joined(hours: dict[int, _Hour]) -> Iterator[tuple[Window, set[str]]]:
    """The hours, each with its values; neighbours are joined where that is less work than another query."""
    window: Window | None = None
    values: set[str] = set()
    rows = 0.0
    for bucket, hour in sorted(hours.items()):
        both = values | hour.values
        of_one = hour.differing / len(hour.values)  # rows of one value in one hour
        if window is not None and window.end == bucket:
            joined = of_one * len(both) * ((bucket - window.start) // BUCKET + 1)
            if joined <= rows + hour.differing + _ROWS_OF_A_QUERY:
                window = Window(start=window.start, end=bucket + BUCKET)
                values, rows = both, joined
                continue
        if window is not None:
            yield window, values
        window, values, rows = Window(start=bucket, end=bucket + BUCKET), set(hour.values), hour.differing
    if window is not None:
        yield window, values


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
