"""Reads digests and points of one measurement from both sides, in portions that the servers can take."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from typing import TypeVar

from tstats.core.time import MINUTE
from tstats.core.windows import Window
from tstats.errors import BrokenStreamError, ServerError, TooMuchError, UnreachableError
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.influx.measurements import read_values
from tstats.influx.rows import Field, Kind, SeriesRows, SeriesText
from tstats.influx.stream import probe_kinds, read_rows, read_texts
from tstats.sync.digest import BUCKET, Column, Digest, Function, columns
from tstats.sync.plan import Side, Subject
from tstats.sync.segments import Portion

Item = TypeVar("Item")

# The most groups of a digest: of many series, so many cost the servers little more than one.
_MOST_GROUPS = 64
# With fewer values of every tag an hour has no more points than a group of others; groups cost a fifth there.
_MANY_VALUES = 500


class Reader:
    """Reads one measurement of one side.

    Args:
        subject: the measurement.
        side: one of its sides.
        always: ask also where it had no points when the sync began.
    """

    def __init__(self, subject: Subject, side: Side, *, always: bool = False) -> None:
        self.side = side
        self._always = always
        self._database = subject.database
        self._policy = subject.policy
        self._measurement = subject.measurement
        self._origin = influxql.source(subject.database, subject.policy, subject.measurement)
        self._names = subject.fields
        self.fields = len(subject.fields)
        self._kinds = tuple(side.kind(name) for name in subject.fields)
        self._tags = tuple(influxql.typed(tag, "tag") for tag in subject.tags)

    def ask_always(self) -> None:
        """Ask from now on also where the side had no points when the sync began: it was written to."""
        self._always = True

    def may_have_points_in(self, window: Window) -> bool:
        """Whether it is worth asking."""
        return self._always or self.side.may_have_points_in(window)

    def rows(self, portion: Portion) -> Generator[SeriesRows, None, None]:
        """The points, by series and time; the values in the order of the subject's fields.

        Raises:
            TooMuchError: half of it can succeed.
        """
        return self._read(self._select(self._selected(), portion, self._tags), self._kinds, portion)

    def texts(self, portion: Portion) -> Generator[SeriesText, None, None]:
        """The points of a measurement with one field, a number, as the server writes them.

        Raises:
            TooMuchError: half of it can succeed.
        """
        statement = self._select(self._selected(), portion, self._tags)
        return self._limited(read_texts(self.side.influx, statement, database=self._database), portion)

    def digest_rows(
        self, portion: Portion, of: tuple[Column, ...], *, by: str | None = None
    ) -> Generator[SeriesRows, None, None]:
        """The digest of every series, or of every value of the tag `by`: rows `(bucket, number …)`, in order.

        Raises:
            TooMuchError: half of it can succeed.
        """
        tags = self._tags if by is None else (influxql.typed(by, "tag"),)
        statement = self._select(self._functions(of), portion, (influxql.by_time(BUCKET), *tags))
        return self._read(statement, _result_kinds(of), portion)

    def digest(
        self, portion: Portion, of: tuple[Column, ...], groups: tuple[str, ...], function: Function
    ) -> Digest:
        """The counts or the sums of the portion, grouped by some tags; the other columns are left zero.

        Raises:
            TooMuchError: half of it can succeed.
        """

        def read() -> Digest:
            digest = Digest(of)
            by = (influxql.by_time(BUCKET), *(influxql.typed(tag, "tag") for tag in groups))
            # A statement for each column: two in one take the server longer than two statements.
            for place, column in enumerate(of):
                if column.function != function:
                    continue
                statement = self._select(self._functions((column,)), portion, by)
                for piece in self._read(statement, _result_kinds((column,)), portion):
                    digest.add(piece.key, place, piece.rows)
            return digest

        if not self.may_have_points_in(portion.window):
            return Digest(of)
        return until_whole(self.side.influx, f"a digest of {self._measurement}", read)

    def fields_in(self, window: Window) -> list[Field]:
        """The fields and their types as they are in a window that lies in one shard.

        A field without any value there comes as a float: no line can need it.
        """
        found = []
        for name, kind in zip(self._names, self._kinds, strict=True):
            asked = kind
            if asked is None and name in self.side.fields:
                statement = influxql.select(
                    [influxql.typed(name, "field")],
                    self._origin,
                    start=window.start,
                    end=window.end,
                    limit=1,
                )
                asked = probe_kinds(self.side.influx, statement, database=self._database)
            found.append(Field(name=name, kind=asked or "float"))
        return found

    def values(self, tag: str) -> list[str]:
        """The values of a tag."""
        if not self.side.fields:
            return []
        return read_values(self.side.influx, self._database, self._policy, self._measurement, tag)

    def _selected(self) -> list[str]:
        return [
            influxql.typed(name, kind or "field") for name, kind in zip(self._names, self._kinds, strict=True)
        ]

    def _functions(self, of: tuple[Column, ...]) -> list[str]:
        return [f"{column.function}({influxql.typed(column.field.name, column.field.kind)})" for column in of]

    def _select(self, selected: list[str], portion: Portion, groups: tuple[str, ...]) -> str:
        return influxql.select(
            selected,
            self._origin,
            start=portion.window.start,
            end=portion.window.end,
            conditions=[influxql.one_of(condition.tag, condition.values) for condition in portion.only],
            groups=groups,
        )

    def _read(
        self, statement: str, kinds: tuple[Kind | None, ...], portion: Portion
    ) -> Generator[SeriesRows, None, None]:
        rows = read_rows(self.side.influx, statement, database=self._database, kinds=kinds)
        return self._limited(rows, portion)

    def _limited(self, stream: Iterator[Item], portion: Portion) -> Generator[Item, None, None]:
        """The stream; nothing where the side has nothing, and halves instead where it is too slow."""
        if not self.may_have_points_in(portion.window):
            return
        try:
            yield from stream
        except TooMuchError as error:
            if error.slow:
                if portion.window.length <= MINUTE:
                    raise ServerError(str(error)) from error
                self.side.influx.version()  # a server that does not even answer this is not asked for halves
            raise


def _result_kinds(of: tuple[Column, ...]) -> tuple[Kind | None, ...]:
    return tuple("integer" if column.function == "count" else column.field.kind for column in of)


class Divider:
    """Does work on a portion, or on its halves where it is too much for a server at once.

    Args:
        readers: of both sides.
        tags: the keys of the measurement's tags.
    """

    def __init__(self, readers: tuple[Reader, ...], tags: tuple[str, ...]) -> None:
        self._readers = readers
        self._tags = tags
        self._values: dict[str, tuple[str, ...]] = {}

    def do(self, work: Callable[[Portion], None], portion: Portion) -> None:
        """Call `work` with the portion, or with parts of it that together are the portion, oldest first.

        Raises:
            TooMuchError: it is too much although it cannot be cut further.
        """
        try:
            work(portion)
        except TooMuchError as error:
            parts = self._parts(portion, error)
            if len(parts) == 1:
                raise
            for part in parts:
                self.do(work, part)

    def digest(
        self,
        reader: Reader,
        window: Window,
        of: tuple[Column, ...],
        groups: tuple[str, ...],
        *functions: Function,
    ) -> Digest:
        """The digest of a window of one side, put together from parts of it if need be."""
        whole = Digest(of)
        for function in functions:

            def read(portion: Portion, function: Function = function) -> None:
                whole.merge(reader.digest(portion, of, groups, function))

            self.do(read, Portion(window=window))
        return whole

    def groups(self) -> tuple[str, ...]:
        """The tags by which digests are grouped: all of them, or those with few values, or none."""
        sizes = {tag: len(self.values(tag)) for tag in self._tags}
        found, product = [], 1
        for tag in sorted(self._tags, key=lambda tag: (sizes[tag], tag)):
            product *= sizes[tag]
            if product <= _MOST_GROUPS:
                found.append(tag)
        is_worth_it = len(found) == len(sizes) or max(sizes.values()) >= _MANY_VALUES
        return tuple(found) if is_worth_it else ()

    def most_varied(self) -> str | None:
        """The tag with the most values; None where the measurement has no tags."""
        return max(self._tags, key=lambda tag: len(self.values(tag)), default=None)

    def values(self, tag: str) -> tuple[str, ...]:
        """The values that a tag has on either side, and the empty one for series without it."""
        if tag not in self._values:
            found = {value for reader in self._readers for value in reader.values(tag)}
            self._values[tag] = ("", *sorted(found))
        return self._values[tag]

    def _parts(self, portion: Portion, error: TooMuchError) -> tuple[Portion, ...]:
        in_time = portion.halves_in_time()
        if not error.by_series and len(in_time) > 1:
            return in_time
        for tag in sorted(self._tags, key=lambda tag: -len(self.values(tag))):
            parts = portion.halves_in_series(tag, self.values(tag))
            if len(parts) > 1:
                return parts
        return in_time


def digest_columns(subject: Subject) -> tuple[Column, ...]:
    """The columns of the digest of a measurement whose digests suffice.

    A number that is a float on either side is summed as a float.
    """
    found = []
    for name in subject.fields:
        kinds = {one for side in (subject.source, subject.target) if (one := side.kind(name))}
        common: Kind = "float" if kinds == {"float", "integer"} else min(kinds)
        found.append(Field(name=name, kind=common))
    return columns(found)


def until_whole(influx: Influx, what: str, read: Callable[[], Item]) -> Item:
    """What `read` gives, which is called again as long as the answers it reads break off.

    Raises:
        ServerError: they still do after the retries, or another failure, which had its own retries.
    """

    def attempt() -> Item:
        try:
            return read()
        except BrokenStreamError:
            raise
        except UnreachableError as error:
            raise ServerError(str(error)) from error

    return influx.retry.call(f"{what} at {influx.url}", attempt)


@contextmanager
def begun(executor: Executor, stream: Generator[Item, None, None]) -> Iterator[Iterator[Item]]:
    """The stream, whose first item is being fetched already: so two servers work at the same time.

    At the end the stream is closed, so that the server need not go on with it.
    """
    first = executor.submit(next, stream, None)
    try:
        yield _from_first(first, stream)
    finally:
        wait([first])
        stream.close()


def _from_first(first: "Future[Item | None]", stream: Iterator[Item]) -> Iterator[Item]:
    item = first.result()
    while item is not None:
        yield item
        item = next(stream, None)
