"""Transfer the points of segments: copied where the target has none, otherwise compared one by one."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from tstats.core.windows import Window
from tstats.errors import BrokenStreamError, TooMuchError, TstatsError
from tstats.influx.rows import NUMBERS, Block, Lines, Row
from tstats.sync.context import MeasurementContext
from tstats.sync.digest import BUCKET, Numbers, increase, numbers_of
from tstats.sync.merge import Merge, SeriesDifference
from tstats.sync.read import Sides, both
from tstats.sync.report import Counts
from tstats.sync.segments import Segment
from tstats.sync.write import Buffer


class StoppedError(TstatsError):
    """The user ended the sync."""


@dataclass(slots=True)
class Findings:
    """What was found in segments that have been read to their end.

    What the target lacks, or has lower, is counted when it has been written.

    Attributes:
        counts: what was found and is not to be written.
        unwritten: points that the policy asks for and that are not written, in a check or a dry run.
        to_target, to_source: whether anything was written there.
        left: by bucket, how much more the target will hold than the source, for each digest column.
        added: by bucket, the points that are written to the target, of compared segments.
        replaced: whether some of those replace others.
        copied: how many points were copied.
        differing: the parts that still differ after they have been written.
    """

    counts: Counts = field(default_factory=Counts)
    unwritten: int = 0
    to_target: bool = False
    to_source: bool = False
    left: dict[int, Numbers] = field(default_factory=dict)
    added: dict[int, Numbers] = field(default_factory=dict)
    replaced: bool = False
    copied: int = 0
    differing: list[Window] = field(default_factory=list)

    @property
    def wrote(self) -> bool:
        """Whether anything was written on either side."""
        return self.to_target or self.to_source

    def differ(self) -> bool:
        """Tell whether the sides were found to differ."""
        return bool(self.wrote or self.unwritten or self.left)

    def add(self, other: "Findings") -> None:
        """Add those of other segments."""
        self.counts.add(other.counts)
        self.unwritten += other.unwritten
        self.to_target |= other.to_target
        self.to_source |= other.to_source
        self.replaced |= other.replaced
        self.copied += other.copied
        for mine, others in ((self.left, other.left), (self.added, other.added)):
            for bucket, numbers in others.items():
                increase(mine, bucket, numbers)


class Transfer:
    """Reads segments of one window, and has what differs written.

    Args:
        measurement: the measurement.
        sides: its readers.
    """

    def __init__(self, measurement: MeasurementContext, sides: Sides) -> None:
        self._context = measurement.sync
        self._plan = plan = measurement.plan
        self._sides = sides
        self._columns = measurement.columns
        self._places = tuple(1 + plan.fields.index(column.field.name) for column in measurement.columns)
        options = measurement.sync.options
        self._merge = Merge(policy=options.policy, both_ways=options.both_ways, fields=len(plan.fields))
        self._to_target = Buffer(measurement.to_target)
        self._to_source = Buffer(measurement.to_source)
        self._bisector = measurement.bisector
        self._tally = measurement.tally

    def drain(self) -> None:
        """Wait until the servers have taken everything that is to be written."""
        self._to_target.drain()
        self._to_source.drain()

    def copy(self, segment: Segment) -> Findings:
        """Copy all points of a segment of which the target has none.

        Raises:
            BrokenStreamError: the window has to be compared from its start.
        """
        found = Findings()

        def copy_part(part: Segment) -> None:
            copied = Findings()
            try:
                self._copy(part, copied)
            except TooMuchError as error:
                if not copied.to_target:
                    raise
                raise BrokenStreamError(str(error)) from error  # the halves are no longer absent
            found.add(copied)

        self._bisector.do(copy_part, segment)
        return found

    def compare(self, segment: Segment, *, apply: bool) -> Findings:
        """Compare a segment point by point, and write what the policy asks for if `apply` is set.

        Raises:
            BrokenStreamError: the window has to be compared from its start.
        """
        found = Findings()

        def compare_part(part: Segment) -> None:
            try:
                found.add(self._compare(part, apply=apply))
            except TooMuchError:
                self.drain()  # the halves must find what has been written
                raise

        self._bisector.do(compare_part, segment)
        return found

    def _copy(self, segment: Segment, found: Findings) -> None:
        with closing(self._source_lines(segment)) as pieces:
            for blocks in pieces:
                points = sum(block.number for block in blocks)
                self._count(points)
                missing = Counts(points_missing=points)
                if self._context.options.apply:
                    found.to_target = True
                    found.copied += points
                    self._to_target.add(blocks, missing)
                else:
                    found.counts.add(missing)
                    found.unwritten += points

    def _source_lines(self, segment: Segment) -> Generator[list[Block], None, None]:
        """Yield all points of the source as lines."""
        source = self._sides.source
        fields = source.fields_in(segment.window)
        lines = Lines(self._plan.measurement, fields)
        if self._columns and len(fields) == 1 and fields[0].kind in NUMBERS:
            with closing(source.texts(segment)) as texts:
                for piece in texts:
                    yield [lines.of_text(piece.tags, piece.text)]
        else:
            with closing(source.rows(segment)) as rows:
                for series in rows:
                    yield lines.of(series.tags, series.rows)

    def _compare(self, segment: Segment, *, apply: bool) -> Findings:
        requests, sides = self._context.scheduler.requests, self._sides
        with both(requests, sides.source.rows(segment), sides.target.rows(segment)) as streams:
            return self.settle(self._merge.differences(*streams), segment.window, apply=apply)

    def settle(
        self, differences: Iterable[tuple[SeriesDifference | None, int]], window: Window, *, apply: bool
    ) -> Findings:
        """Write, or only count, differences, wherever the points were read from.

        Args:
            differences: as `Merge.differences` yields them.
            window: where they lie, in a single shard of each side.
            apply: write.
        """
        found = Findings()
        from_source, from_target = (
            Lines(self._plan.measurement, side.fields_in(window))
            for side in (self._sides.source, self._sides.target)
        )
        for difference, rows in differences:
            self._count(rows)
            if difference is None:
                continue
            lacking = Counts(points_missing=difference.missing, points_lower=difference.lower)
            beyond = Counts(
                points_target_ahead=difference.ahead, points_only_in_target=difference.only_in_target
            )
            if apply and difference.to_target:
                found.to_target = True
                found.replaced |= difference.lower > 0
                for row in difference.to_target if self._columns else ():
                    increase(found.added, row[0] // BUCKET * BUCKET, self._numbers(row))
                self._to_target.add(from_source.of(difference.tags, difference.to_target), lacking)
            else:
                found.counts.add(lacking)
                found.unwritten += len(difference.to_target)
            if apply and difference.to_source:
                found.to_source = True
                self._to_source.add(from_target.of(difference.tags, difference.to_source), beyond)
            else:
                found.counts.add(beyond)
                found.unwritten += len(difference.to_source)
            for ours, theirs in difference.left:
                pairs = zip(self._numbers(theirs), self._numbers(ours), strict=True)
                increase(found.left, ours[0] // BUCKET * BUCKET, tuple(more - less for more, less in pairs))
        return found

    def _numbers(self, row: Row) -> Numbers:
        return numbers_of(row, self._columns, self._places)

    def _count(self, rows: int) -> None:
        """Count rows that have been read; end here if the user wants it."""
        if self._context.scheduler.stop.is_set():
            raise StoppedError("interrupted; run it again to continue")
        self._tally.add(Counts(points_read=rows))
        self._context.progress.points(rows)
