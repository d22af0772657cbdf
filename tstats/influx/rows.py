"""Points as they travel: rows of a series, and the lines that write them.

A row is `(time, value, value …)`: nanoseconds, then one value for each field of the measurement in a fixed
order, None where the point lacks it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tstats.errors import ServerError
from tstats.influx.line_protocol import field_key, field_value, measurement, tag_set

Kind = Literal["float", "integer", "boolean", "string"]
Row = tuple[Any, ...]
NUMBERS: frozenset[Kind] = frozenset({"float", "integer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a measurement as it is in one shard, where its type cannot differ."""

    name: str
    kind: Kind


class SeriesRows(msgspec.Struct, frozen=True):
    """Rows of one series, in the order of their times; a long series comes in several of these.

    Attributes:
        key: the values of the grouped tags, joined with a byte that sorts before all others: series come in
            the order of their keys.
        tags: every grouped tag; one that is not set is empty.
        rows: at least one.
    """

    key: str
    tags: dict[str, str]
    rows: list[Row]


def series_key(tags: Mapping[str, str]) -> str:
    """Return the key of a series among all that are grouped by the same tags.

    Source: the server sorts series by the values of their tags in the order of the tags' names, byte by
    byte; UTF-8 sorts as its code points do.
    """
    return "\0".join([tags[name] for name in sorted(tags)])


class SeriesText(msgspec.Struct, frozen=True):
    """Rows of one series as the server wrote them: `[[time,number],[time,number]]`, at least one.

    Attributes:
        tags: every grouped tag; one that is not set is empty.
        text: the JSON, without spaces.
    """

    tags: dict[str, str]
    text: bytes


class Block(msgspec.Struct, frozen=True):
    """Some lines; a block with more than one can be cut at its newlines.

    Attributes:
        number: how many lines, at least one.
        text: the lines, without a newline at the end.
    """

    number: int
    text: bytes

    def halves(self) -> "tuple[Block, ...]":
        """Return two blocks with the same lines; only itself when it has a single line."""
        if self.number == 1:
            return (self,)
        lines = self.text.split(b"\n")
        middle = self.number // 2
        return (
            Block(number=middle, text=b"\n".join(lines[:middle])),
            Block(number=self.number - middle, text=b"\n".join(lines[middle:])),
        )


class Lines:
    """Makes the lines of one measurement.

    Args:
        name: the measurement.
        fields: in the order of the rows' values.

    Raises:
        LineProtocolError: a name that line protocol cannot write.
    """

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        self._measurement = measurement(name)
        self._columns = [f"{field_key(field.name)}=" for field in fields]
        self._kinds = [field.kind for field in fields]

    def of(self, tags: Mapping[str, str], rows: Sequence[Row]) -> list[Block]:
        """Return the lines of rows; a row without any value has none.

        Raises:
            LineProtocolError: a tag or value that cannot be written.
        """
        series = f"{self._measurement}{tag_set(tags)} "
        lines = [line.encode() for row in rows if (line := self._line(series, row))]
        if "string" in self._kinds:  # a text can hold a newline
            return [Block(number=1, text=line) for line in lines]
        return [Block(number=len(lines), text=b"\n".join(lines))] if lines else []

    def of_text(self, tags: Mapping[str, str], text: bytes) -> Block:
        """Return the lines of the only field, a number, from the text that the server wrote.

        The digits go from one server to the other as they are, which is exact, and half the work of
        parsing and printing them.

        Raises:
            LineProtocolError: a tag that cannot be written.
            ServerError: the text does not consist of times and numbers.
        """
        prefix = f"{self._measurement}{tag_set(tags)} {self._columns[0]}".encode()
        numbers = text[2:-2].replace(b"],[", b",").split(b",")
        times, values = numbers[::2], numbers[1::2]
        if len(times) != len(values) or b"n" in text:  # a null, where a row has to have a value
            raise ServerError(f"a server sent something else than times and numbers: {text[:80]!r}")
        between = b"i " if self._kinds[0] == "integer" else b" "
        lines = (b"\n" + prefix).join(map(between.join, zip(values, times, strict=True)))
        return Block(number=len(times), text=prefix + lines)

    def _line(self, series: str, row: Row) -> str:
        columns = ",".join(
            [
                # A whole float comes as an integer where the type of its field was not known.
                f"{column}{field_value(float(value) if kind == 'float' else value)}"
                for column, kind, value in zip(self._columns, self._kinds, row[1:], strict=True)
                if value is not None
            ]
        )
        return f"{series}{columns} {row[0]}" if columns else ""
