"""Carries the points of a portion over: copied where the target has none, else compared one by one."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future
from contextlib import closing
from dataclasses import dataclass, field

from tstats.errors import BrokenStreamError, TooMuchError, TstatsError
from tstats.influx.rows import NUMBERS, Block, Lines, Row
from tstats.sync.digest import BUCKET, Column, Numbers, increase, numbers_of
from tstats.sync.merge import Difference, Merge
from tstats.sync.plan import Request, Side, Subject
from tstats.sync.read import Reader, begun
from tstats.sync.report import Counts, Progress
from tstats.sync.segments import Portion
from tstats.sync.write import Throttle, Writer


class StoppedError(TstatsError):
    """The user ended the sync."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the measurements of a sync share.

    Attributes:
        executor: for requests that go on beside the comparing; its tasks never wait for each other.
        verifier: for the tasks that wait for those.
        throttle: bounds the rate of writing.
        progress: is told what was done.
        stop: set when the user ends the sync.
    """

    executor: Executor
    verifier: Executor
    throttle: Throttle
    progress: Progress
    stop: threading.Event


@dataclass(slots=True)
class Findings:
    """What was found in a portion, which counts once the portion has been read to its end.

    What is missing or lower in the target is counted when it has been written, by the writer's credit.

    Attributes:
        counts: what was found and is not to be written.
        unwritten: points that the policy asks for and that are not written, since nothing is to be.
        to_target, to_source: whether anything was written there.
        left: by bucket, how much more the target will hold than the source, for each digest column.
        added: by bucket, the points of the compared portions that are written to the target.
        replaced: whether some of those take the place of others.
        copied: how many points were copied.
    """

    counts: Counts = field(default_factory=Counts)
    unwritten: int = 0
    to_target: bool = False
    to_source: bool = False
    left: dict[int, Numbers] = field(default_factory=dict)
    added: dict[int, Numbers] = field(default_factory=dict)
    replaced: bool = False
    copied: int = 0

    def add(self, other: "Findings") -> None:
        """Those of another portion."""
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
    """Reads portions of one measurement and has what differs written.

    Args:
        subject: the measurement.
        request: what is asked.
        around: what all measurements share.
        columns: of its digests, empty where it has none.
        credit: told of what the servers have taken.
    """

    def __init__(
        self,
        subject: Subject,
        request: Request,
        around: Surroundings,
        *,
        columns: tuple[Column, ...],
        credit: Callable[[Counts], None],
    ) -> None:
        self.source = Reader(subject, subject.source)
        self.target = Reader(subject, subject.target)
        self._credit = credit
        self._subject = subject
        self._request = request
        self._around = around
        self._columns = columns
        self._places = tuple(1 + subject.fields.index(column.field.name) for column in columns)
        self._merge = Merge(policy=request.policy, both_ways=request.both_ways, fields=len(subject.fields))
        self._to_target = self._writer(subject.target, credit)
        self._to_source = self._writer(subject.source, credit)

    @property
    def problem(self) -> str | None:
        """Why a server dropped some of the points; None where it dropped none."""
        return self._to_target.problem or self._to_source.problem

    def flush(self) -> list[Future[None]]:
        """Send what is left of the lines; the bodies on their way."""
        return [*self._to_target.flush(), *self._to_source.flush()]

    def copy(self, portion: Portion) -> Findings:
        """Carry all points of a portion over, of which the target has none.

        Raises:
            TooMuchError: half of it can succeed.
            BrokenStreamError: it has to be compared from its beginning.
        """
        found = Findings()
        try:
            self._copy(portion, found)
        except TooMuchError as error:
            if not found.to_target:
                raise
            raise BrokenStreamError(str(error)) from error  # its halves are no longer absent
        return found

    def _copy(self, portion: Portion, found: Findings) -> None:
        with closing(self._blocks(portion)) as pieces:
            for blocks in pieces:
                number = sum(block.number for block in blocks)
                self._go_on(number)
                missing = Counts(points_missing=number)
                if self._request.apply:
                    found.to_target = True
                    found.copied += number
                    self._to_target.add(blocks, missing)
                else:
                    found.counts.add(missing)
                    found.unwritten += number

    def _blocks(self, portion: Portion) -> Generator[list[Block], None, None]:
        """The lines of all points of the source."""
        fields = self.source.fields_in(portion.window)
        lines = Lines(self._subject.measurement, fields)
        if self._columns and len(fields) == 1 and fields[0].kind in NUMBERS:
            with closing(self.source.texts(portion)) as texts:
                for piece in texts:
                    yield [lines.of_text(piece.tags, piece.text)]
        else:
            with closing(self.source.rows(portion)) as rows:
                for series in rows:
                    yield lines.of(series.tags, series.rows)

    def compare(self, portion: Portion, *, apply: bool) -> Findings:
        """Compare a portion point by point, and write what the policy asks for if `apply` says so.

        Raises:
            TooMuchError: half of it can succeed.
            BrokenStreamError: it has to be compared from its beginning.
        """
        found = Findings()
        to_target, to_source = (self._lines(reader, portion) for reader in (self.source, self.target))
        executor = self._around.executor
        with (
            begun(executor, self.source.rows(portion)) as source,
            begun(executor, self.target.rows(portion)) as target,
        ):
            for difference, rows in self._merge.differences(source, target):
                self._go_on(rows)
                if difference is not None:
                    self._take(difference, found, to_target, to_source, apply=apply)
        return found

    def _take(
        self, difference: Difference, found: Findings, to_target: Lines, to_source: Lines, *, apply: bool
    ) -> None:
        lacking = Counts(points_missing=difference.missing, points_lower=difference.lower)
        beyond = Counts(points_target_ahead=difference.ahead, points_only_in_target=difference.only_in_target)
        if apply and difference.to_target:
            found.to_target = True
            found.replaced |= difference.lower > 0
            for row in difference.to_target:
                increase(found.added, row[0] // BUCKET * BUCKET, self._numbers(row))
            self._to_target.add(to_target.of(difference.tags, difference.to_target), lacking)
        else:
            found.counts.add(lacking)
            found.unwritten += len(difference.to_target)
        if apply and difference.to_source:
            found.to_source = True
            self._to_source.add(to_source.of(difference.tags, difference.to_source), beyond)
        else:
            found.counts.add(beyond)
            found.unwritten += len(difference.to_source)
        for ours, theirs in difference.left:
            pairs = zip(self._numbers(theirs), self._numbers(ours), strict=True)
            increase(found.left, ours[0] // BUCKET * BUCKET, tuple(more - less for more, less in pairs))

    def _numbers(self, row: Row) -> Numbers:
        return numbers_of(row, self._columns, self._places)

    def _lines(self, reader: Reader, portion: Portion) -> Lines:
        return Lines(self._subject.measurement, reader.fields_in(portion.window))

    def _go_on(self, rows: int) -> None:
        """Count the rows, and end here if the user wants it."""
        if self._around.stop.is_set():
            raise StoppedError("interrupted; run it again to go on from here")
        self._credit(Counts(points_read=rows))
        self._around.progress.points(rows)

    def _writer(self, side: Side, credit: Callable[[Counts], None]) -> Writer:
        return Writer(
            side.influx,
            database=self._subject.database,
            policy=self._subject.policy,
            executor=self._around.executor,
            credit=credit,
            throttle=self._around.throttle,
        )
