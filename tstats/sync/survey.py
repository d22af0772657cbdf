"""Survey a window: what both servers' digests say of its hours, and of the values of a tag in them."""

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tstats.core.windows import Window
from tstats.errors import TooMuchError
from tstats.influx.rows import Row, SeriesRows
from tstats.sync.context import MeasurementContext
from tstats.sync.digest import (
    BUCKET,
    Column,
    Comparison,
    Digest,
    Function,
    Numbers,
    compare,
    differ_beyond_doubt,
    differ_in_number,
    equal,
    plus,
)
from tstats.sync.read import Sides, both
from tstats.sync.segments import Segment

# More differing values of a tag in one hour are not worth a condition each.
MOST_VALUES = 2_000
# With fewer values, the series of one value would be no small part of the measurement.
FEWEST_VALUES = 30
# Hours in which so many of the points lie in series that differ are read whole.
_MOST_OF = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """How the differences of one measurement are looked for.

    Attributes:
        groups: the tags by which digests are grouped.
        tag: the tag by whose values differing series are found; None reads whole hours.
        values: of that tag, on either side.
        same_series: whether both sides have the same series. If not, a digest without tags is not trusted:
            points may be equal in number and sum, and belong to other series.
    """

    groups: tuple[str, ...]
    tag: str | None
    values: Sequence[str]
    same_series: bool


@dataclass(slots=True)
class Hour:
    """What the values of the tag say of one hour.

    Attributes:
        source, target: the numbers of each side, in the columns that were asked for.
        values: those of series that differ; at most one above `MOST_VALUES`.
        differing: the points of the series that differ.
        points: those of all series; of each series the higher number of both sides.
    """

    source: Numbers
    target: Numbers
    values: set[str] = field(default_factory=set)
    differing: int = 0
    points: int = 0

    def add(self, other: "Hour") -> None:
        """Add what another part of the window or of the series says."""
        self.source, self.target = plus(self.source, other.source), plus(self.target, other.target)
        self.values |= other.values
        self.differing += other.differing
        self.points += other.points

    def is_narrow(self) -> bool:
        """Tell whether reading these values alone is less work than reading the hour."""
        return len(self.values) <= MOST_VALUES and self.differing <= _MOST_OF * self.points


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSurvey:
    """What is known of a window before any point of it has been read.

    Attributes:
        source, target: the digests of both sides.
        buckets: how the sides compare in each hour in which either has points.
        hours: what the values of the tag say, where they have been asked for already.
    """

    source: Digest
    target: Digest
    buckets: dict[int, Comparison]
    hours: dict[int, Hour]


class Surveyor:
    """Asks both sides, at the same time, for digests.

    Args:
        measurement: the measurement.
        approach: how to look.
        sides: the readers.
    """

    def __init__(self, measurement: MeasurementContext, approach: Approach, sides: Sides) -> None:
        self.approach = approach
        self.sides = sides
        self._bisector = measurement.bisector
        self._requests = measurement.sync.scheduler.requests
        self._columns = measurement.columns
        self._counts = tuple(column for column in self._columns if column.function == "count")
        options = measurement.sync.options
        self.interval = measurement.plan.presence_interval(options.policy)
        # Counts do not show lower values, which the verification finds, if there is one; nor values that
        # landed in other series, which it does not find.
        self._counts_suffice = approach.same_series and options.apply

    def survey(self, window: Window) -> WindowSurvey:
        """Survey a window; where only missing points matter, by counts alone."""
        return self._survey_values(window) if self.interval is None else self._survey_presence(window)

    def _survey_presence(self, window: Window) -> WindowSurvey:
        """Count the points of each value of the tag.

        Values differ between sites that collect by themselves, and so do all sums. A count is trusted where
        the hour is complete: both sides then have every interval of it. Equal counts of incomplete hours can
        be of different points.
        """
        hours: dict[int, Hour] = {}
        nothing = (0,) * len(self._counts)

        def count(segment: Segment) -> None:
            for bucket, hour in self.by_value(segment, self._counts).items():
                hours.setdefault(bucket, Hour(nothing, nothing)).add(hour)

        self._bisector.do(count, Segment(window=window))
        source, target = Digest(self._columns), Digest(self._columns)
        self._count_hours(source, {bucket: hour.source for bucket, hour in hours.items()})
        self._count_hours(target, {bucket: hour.target for bucket, hour in hours.items()})
        buckets = compare(source, target, self._columns)
        for bucket, hour in hours.items():
            if hour.values and buckets.get(bucket) is Comparison.EQUAL:
                buckets[bucket] = Comparison.DIFFERENT
        return WindowSurvey(source=source, target=target, buckets=buckets, hours=hours)

    def _survey_values(self, window: Window) -> WindowSurvey:
        """Compare the sums first, then the counts.

        Sums show every number that is missing or different, except zeros. Where they differ in most hours,
        the counts are taken by the values of the tag at once: they would be asked for next, to find what
        differs.
        """
        source, target = self._digests(window, "sum")
        differing = differ_beyond_doubt(source, target, self._columns)
        hours: dict[int, Hour] = {}
        if self._is_most(differing, source, target):
            with suppress(TooMuchError):  # a digest without the values of the tag is smaller
                hours = self.by_value(Segment(window=window), self._counts)
        if hours:
            source, target = source.ungrouped(), target.ungrouped()
            self._count_hours(source, {bucket: hour.source for bucket, hour in hours.items()})
            self._count_hours(target, {bucket: hour.target for bucket, hour in hours.items()})
            differing |= {bucket for bucket, hour in hours.items() if hour.values}
        else:
            for whole, counts in zip((source, target), self._digests(window, "count"), strict=True):
                whole.merge(counts)
        buckets = compare(source, target, self._columns)
        for bucket in differing:
            if buckets.get(bucket) is Comparison.EQUAL:
                buckets[bucket] = Comparison.DIFFERENT
        return WindowSurvey(source=source, target=target, buckets=buckets, hours=hours)

    def _digests(self, window: Window, function: Function) -> tuple[Digest, Digest]:
        groups = self.approach.groups
        source, target = (
            self._requests.submit(self._bisector.digest, side, window, self._columns, groups, function)
            for side in (self.sides.source, self.sides.target)
        )
        return source.result(), target.result()

    def _is_most(self, differing: Container[int], source: Digest, target: Digest) -> bool:
        """Tell whether both sides hold most hours and differ in them: then counts by the tag are enough."""
        values = self.approach.values
        if self.approach.tag is None or len(values) < FEWEST_VALUES or not self._counts_suffice:
            return False
        ours, theirs = ({bucket for bucket, _ in side.cells} for side in (source, target))
        on_both = sum(bucket in differing for bucket in ours & theirs)
        return 2 * on_both > len(ours | theirs)

    def _count_hours(self, digest: Digest, hours: dict[int, Numbers]) -> None:
        for place, column in enumerate(self._counts):
            rows = [(bucket, numbers[place]) for bucket, numbers in hours.items()]
            digest.add("", self._columns.index(column), rows)

    def columns_to_find(self, hours: Container[int], survey: WindowSurvey) -> tuple[Column, ...]:
        """Return the columns that show what differs in these hours: counts cost half of counts and sums."""
        in_number = differ_in_number(survey.source, survey.target, self._columns, hours)
        return self._counts if self._counts_suffice and in_number else self._columns

    def by_value(self, segment: Segment, columns: tuple[Column, ...]) -> dict[int, Hour]:
        """Return what the values of the tag say of each hour of a segment.

        Raises:
            TooMuchError: a part of the segment may succeed.
        """
        hours: dict[int, Hour] = {}
        nothing = (0,) * len(columns)
        # Where a point may have landed in another series, that series can have the same value of the tag.
        by = self.approach.tag if self.approach.same_series else None
        digests = (
            side.digest_rows(segment, columns, by=by) for side in (self.sides.source, self.sides.target)
        )
        with both(self._requests, *digests) as (source, target):
            for tags, bucket, ours, theirs in pair_digests(source, target):
                hour = hours.setdefault(bucket, Hour(nothing, nothing))
                hour.source = plus(hour.source, ours)
                hour.target = plus(hour.target, theirs)
                points = max(_count(ours, columns), _count(theirs, columns))
                hour.points += points
                if not (equal(ours, theirs, columns) and self._is_complete(ours, bucket, segment.window)):
                    hour.differing += points
                    if len(hour.values) <= MOST_VALUES:
                        hour.values.add(tags.get(self.approach.tag or "", ""))
        return hours

    def _is_complete(self, counts: Numbers, bucket: int, window: Window) -> bool:
        """Tell whether series have a point in every interval of an hour; true where values matter."""
        if self.interval is None:
            return True
        start, end = max(bucket, window.start), min(bucket + BUCKET, window.end)
        intervals = -(-end // self.interval) - -(-start // self.interval)
        return intervals > 0 and all(count % intervals == 0 for count in counts)


def pair_digests(
    source: Iterator[SeriesRows], target: Iterator[SeriesRows]
) -> Iterator[tuple[dict[str, str], int, Numbers, Numbers]]:
    """Yield the digests of two sides next to each other, series by series and bucket by bucket.

    Yields:
        The series' tags, the bucket, and the numbers of each side; zeros where a side has none.
    """
    sources, targets = _whole_series(source), _whole_series(target)
    here, there = next(sources, None), next(targets, None)
    while here is not None or there is not None:
        key = min(series.key for series in (here, there) if series is not None)
        ours: dict[int, Row] = {}
        theirs: dict[int, Row] = {}
        tags: dict[str, str] = {}
        if here is not None and here.key == key:
            ours, tags = {row[0]: row[1:] for row in here.rows}, here.tags
            here = next(sources, None)
        if there is not None and there.key == key:
            theirs, tags = {row[0]: row[1:] for row in there.rows}, there.tags
            there = next(targets, None)
        nothing = (0,) * len(next(iter((ours or theirs).values())))
        for bucket in sorted(ours.keys() | theirs.keys()):
            yield tags, bucket, _numbers(ours.get(bucket, nothing)), _numbers(theirs.get(bucket, nothing))


def _whole_series(pieces: Iterator[SeriesRows]) -> Iterator[SeriesRows]:
    """Join the pieces of each series: a digest has no more rows than a window has hours."""
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


def _numbers(row: Iterable[float | None]) -> Numbers:
    return tuple(0 if number is None else number for number in row)


def _count(numbers: Iterable[float], columns: tuple[Column, ...]) -> int:
    counts = (number for number, column in zip(numbers, columns, strict=True) if column.function == "count")
    return int(max(counts))
