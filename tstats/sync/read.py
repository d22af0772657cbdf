"""Read digests and points of one measurement from one side."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self, TypeVar

from tstats.core.time import MINUTE
from tstats.core.windows import Window
from tstats.errors import BrokenStreamError, ServerError, TooMuchError, UnreachableError
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.influx.measurements import fingerprint, read_values
from tstats.influx.rows import Field, Kind, SeriesRows, SeriesText
from tstats.influx.stream import probe_kinds, read_rows, read_texts
from tstats.sync.digest import BUCKET, Column, Digest, Function
from tstats.sync.plan import Held, MeasurementPlan
from tstats.sync.scheduler import Pool
from tstats.sync.segments import Segment

Item = TypeVar("Item")


class SideReader:
    """Reads one measurement from one side.

    Args:
        influx: the server.
        plan: the measurement.
        held: what this side held of it when the sync began.
        always: ask also where it held nothing then: it may have been written to.
    """

    def __init__(self, influx: Influx, plan: MeasurementPlan, held: Held, *, always: bool = False) -> None:
        self.influx = influx
        self.fields = len(plan.fields)
        self._plan = plan
        self._held = held
        self._always = always
        self._origin = influxql.source(plan.database, plan.policy, plan.measurement)
        self._kinds = tuple(held.kind(name) for name in plan.fields)
        self._tags = tuple(influxql.typed(tag, "tag") for tag in plan.tags)

    def asking_always(self) -> "SideReader":
        """Return a reader that asks also where the side held nothing when the sync began."""
        return SideReader(self.influx, self._plan, self._held, always=True)

    def may_have_points_in(self, window: Window) -> bool:
        """Tell whether it is worth asking."""
        return self._always or self._held.may_have_points_in(window)

    def rows(self, segment: Segment) -> Generator[SeriesRows, None, None]:
        """Yield the points by series and time, the values in the order of the plan's fields.

        Raises:
            TooMuchError: the halves of the segment may succeed.
        """
        return self._read(self._select(self._selected(), segment, self._tags), self._kinds, segment)

    def texts(self, segment: Segment) -> Generator[SeriesText, None, None]:
        """Yield the points of a measurement with a single numeric field, as the server writes them.

        Raises:
            TooMuchError: the halves of the segment may succeed.
        """
        statement = self._select(self._selected(), segment, self._tags)
        return self._bounded(read_texts(self.influx, statement, database=self._plan.database), segment)

    def digest_rows(
        self, segment: Segment, columns: tuple[Column, ...], *, by: str | None = None
    ) -> Generator[SeriesRows, None, None]:
        """Yield the digest of every series, or of every value of the tag `by`: rows `(bucket, number …)`.

        Raises:
            TooMuchError: the halves of the segment may succeed.
        """
        tags = self._tags if by is None else (influxql.typed(by, "tag"),)
        statement = self._select(_functions(columns), segment, (influxql.by_time(BUCKET), *tags))
        return self._read(statement, _result_kinds(columns), segment)

    def digest(
        self, segment: Segment, columns: tuple[Column, ...], groups: tuple[str, ...], function: Function
    ) -> Digest:
        """Return the counts or the sums of a segment, grouped by some tags; the other columns are zero.

        Raises:
            TooMuchError: the halves of the segment may succeed.
        """

        def read() -> Digest:
            digest = Digest(columns)
            by = (influxql.by_time(BUCKET), *(influxql.typed(tag, "tag") for tag in groups))
            # One statement per column: two columns in one take the server longer than two statements.
            for place, column in enumerate(columns):
                if column.function != function:
                    continue
                statement = self._select(_functions((column,)), segment, by)
                for piece in self._read(statement, _result_kinds((column,)), segment):
                    digest.add(piece.key, place, piece.rows)
            return digest

        if not self.may_have_points_in(segment.window):
            return Digest(columns)
        return self._until_whole(f"a digest of {self._plan.measurement}", read)

    def fingerprint(self) -> bytes:
        """Return a fingerprint of the list of series."""
        plan = self._plan

        def read() -> bytes:
            return fingerprint(self.influx, plan.database, plan.policy, plan.measurement)

        return self._until_whole(f"the series of {plan.name}", read)

    def fields_in(self, window: Window) -> list[Field]:
        """Return the fields with their types in a window that lies in one shard.

        A field without any value there is given as a float: no line needs it.
        """
        found = []
        for name, kind in zip(self._plan.fields, self._kinds, strict=True):
            probed = kind
            if probed is None and name in self._held.fields:
                column = [influxql.typed(name, "field")]
                start, end = window.start, window.end
                statement = influxql.select(column, self._origin, start=start, end=end, limit=1)
                probed = probe_kinds(self.influx, statement, database=self._plan.database)
            found.append(Field(name=name, kind=probed or "float"))
        return found

    def values(self, tag: str) -> list[str]:
        """Return the values of a tag."""
        plan = self._plan
        if not self._held.fields:
            return []
        return read_values(self.influx, plan.database, plan.policy, plan.measurement, tag)

    def _selected(self) -> list[str]:
        names = zip(self._plan.fields, self._kinds, strict=True)
        return [influxql.typed(name, kind or "field") for name, kind in names]

    def _select(self, selected: list[str], segment: Segment, groups: tuple[str, ...]) -> str:
        return influxql.select(
            selected,
            self._origin,
            start=segment.window.start,
            end=segment.window.end,
            conditions=[influxql.one_of(condition.tag, condition.values) for condition in segment.only],
            groups=groups,
        )

    def _read(
        self, statement: str, kinds: tuple[Kind | None, ...], segment: Segment
    ) -> Generator[SeriesRows, None, None]:
        rows = read_rows(self.influx, statement, database=self._plan.database, kinds=kinds)
        return self._bounded(rows, segment)

    def _bounded(self, stream: Iterator[Item], segment: Segment) -> Generator[Item, None, None]:
        """Yield from a stream; nothing where the side holds nothing.

        A server that is too slow for a minute of points, or that does not even answer a ping, is not asked
        for halves.
        """
        if not self.may_have_points_in(segment.window):
            return
        try:
            yield from stream
        except TooMuchError as error:
            if error.slow:
                if segment.window.length <= MINUTE:
                    raise ServerError(str(error)) from error
                self.influx.version()
            raise

    def _until_whole(self, what: str, read: Callable[[], Item]) -> Item:
        """Return what `read` returns; repeat it while the answers that it reads break off.

        Raises:
            ServerError: they still do after the retries, or another failure, which has had its own retries.
        """

        def attempt() -> Item:
            try:
                return read()
            except BrokenStreamError:
                raise
            except UnreachableError as error:
                raise ServerError(str(error)) from error

        return self.influx.retry.call(f"{what} at {self.influx.url}", attempt)


def _functions(columns: tuple[Column, ...]) -> list[str]:
    return [
        f"{column.function}({influxql.typed(column.field.name, column.field.kind)})" for column in columns
    ]


def _result_kinds(columns: tuple[Column, ...]) -> tuple[Kind | None, ...]:
    return tuple("integer" if column.function == "count" else column.field.kind for column in columns)


@dataclass(frozen=True, slots=True)
class Sides:
    """The readers of both sides of a measurement."""

    source: SideReader
    target: SideReader

    def asking_always(self) -> Self:
        """Return readers that ask also where a side held nothing when the sync began."""
        return type(self)(self.source.asking_always(), self.target.asking_always())


@contextmanager
def both(
    requests: Pool, source: Generator[Item, None, None], target: Generator[Item, None, None]
) -> Iterator[tuple[Iterator[Item], Iterator[Item]]]:
    """Give two streams whose first items are already being fetched, so that both servers work at once.

    Both streams are closed at the end, so that the servers need not go on with them.
    """
    streams = (source, target)
    first = [requests.submit(next, stream, None) for stream in streams]
    try:
        yield _from_first(first[0], source), _from_first(first[1], target)
    finally:
        wait(first)
        for stream in streams:
            stream.close()


def _from_first(first: "Future[Item | None]", stream: Iterator[Item]) -> Iterator[Item]:
    item = first.result()
    while item is not None:
        yield item
        item = next(stream, None)
