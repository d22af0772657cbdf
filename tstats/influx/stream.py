"""Stream points and digests out of InfluxDB: typed, in bounded memory, and never silently short.

The server sends a JSON document per line, each with a piece of one series; every document but the last says
that it is partial. An answer without its last document has been cut off on its way.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from tstats.errors import BrokenStreamError, RefusedError, ServerError, TooMuchError
from tstats.influx.client import Influx
from tstats.influx.rows import Kind, Row, SeriesRows, SeriesText, series_key

_TYPES: dict[Kind, Any] = {"float": float, "integer": int, "boolean": bool, "string": str}
_LIMITS = re.compile(r"max-select-(point|series|buckets) limit|query-timeout limit exceeded|^timeout$")
# A sum of huge values that JSON cannot express: of fewer points it may be finite.
_INFINITE = "json: unsupported value"
# Conditions that pass; the server is busy.
_BUSY = re.compile(
    r"max-concurrent-queries limit|query interrupted|server shutdown|engine is closed|shard is"
)

Values = TypeVar("Values")


class _StreamSeries(msgspec.Struct, Generic[Values], frozen=True):
    values: Values
    tags: dict[str, str] = {}


class _StreamResult(msgspec.Struct, Generic[Values], frozen=True):
    series: list[_StreamSeries[Values]] = []
    partial: bool = False
    error: str | None = None


class _Document(msgspec.Struct, Generic[Values], frozen=True):
    results: list[_StreamResult[Values]] = []
    error: str | None = None


_TEXTS = msgspec.json.Decoder(_Document[msgspec.Raw])
_NAMES = msgspec.json.Decoder(_Document[list[list[str]]])


@lru_cache(maxsize=256)
def _decoder(kinds: tuple[Kind | None, ...]) -> "msgspec.json.Decoder[_Document[Any]]":
    types = (_TYPES[kind] | None if kind else float | int | bool | str | None for kind in kinds)
    row: Any = tuple.__class_getitem__((int, *types))
    return msgspec.json.Decoder(_Document[list[row]])


def read_rows(
    influx: Influx, statement: str, *, database: str, kinds: Sequence[Kind | None], chunk: int = 10_000
) -> Iterator[SeriesRows]:
    """Yield the rows of a SELECT, series by series, each series in the order of time.

    Args:
        influx: the server.
        statement: its columns after the time are as many as `kinds`.
        database: the one that the user must be allowed to read.
        kinds: the types of the columns; None where it may be any: a whole float then comes as an integer.
        chunk: the most rows of one piece.

    Raises:
        TooMuchError: it exceeds a limit of the server, or its time for a query.
        BrokenStreamError: the answer was cut off, or the server was busy.
        ServerError: another failure, or an invalid answer.
    """
    for series in _documents(influx, statement, _decoder(tuple(kinds)), database=database, chunk=chunk):
        rows: list[Row] = series.values
        yield SeriesRows(key=series_key(series.tags), tags=series.tags, rows=rows)


def read_texts(influx: Influx, statement: str, *, database: str) -> Iterator[SeriesText]:
    """Yield the rows of a SELECT of a single numeric column, as sent; raises what `read_rows` does."""
    for series in _documents(influx, statement, _TEXTS, database=database, chunk=10_000):
        yield SeriesText(tags=series.tags, text=bytes(series.values))


def read_names(influx: Influx, statement: str, *, database: str) -> Iterator[str]:
    """Yield the first column of a SHOW; raises what `read_rows` does."""
    for series in _documents(influx, statement, _NAMES, database=database, chunk=10_000):
        yield from (name for name, *_ in series.values)


def _documents(
    influx: Influx,
    statement: str,
    decoder: "msgspec.json.Decoder[_Document[Values]]",
    *,
    database: str,
    chunk: int,
) -> "Iterator[_StreamSeries[Values]]":
    complete = False
    with closing(influx.stream(statement, database=database, rows=chunk)) as pieces:
        for line in _lines(pieces):
            try:
                document = decoder.decode(line)
            except msgspec.ValidationError as error:
                raise ServerError(f"{influx.url} answered with rows of another type: {error}") from error
            except msgspec.DecodeError as error:
                if _INFINITE.encode() in line:  # before 1.8 the answer is this text
                    raise TooMuchError(f"{influx.url}: {_INFINITE}") from error
                raise BrokenStreamError(f"{influx.url} answered with an invalid document: {error}") from error
            for problem in (document.error, *(result.error for result in document.results)):
                if problem:
                    raise _failure(influx, statement, problem)
            complete = not any(result.partial for result in document.results)
            for result in document.results:
                yield from (series for series in result.series if series.values)
    if not complete:
        raise BrokenStreamError(f"{influx.url} cut off an answer before its end")


def probe_kinds(influx: Influx, statement: str, *, database: str) -> Kind | None:
    """Return the type of the first value that a SELECT of one column answers with; None without a row.

    JSON shows the float 5.0 as the integer 5; MessagePack keeps the types apart.
    """
    answer = b"".join(influx.stream(statement, database=database, accept="application/x-msgpack"))
    try:
        value = _first_value(msgspec.msgpack.decode(answer))
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as error:
        raise ServerError(f"{influx.url} answered {statement!r} with an invalid document: {error}") from error
    kinds: dict[type, Kind] = {bool: "boolean", int: "integer", float: "float", str: "string"}
    return kinds.get(type(value))


def _first_value(answer: Any) -> object:  # noqa: ANN401 (what the server sent)
    result = answer["results"][0]
    if result.get("error"):
        raise ServerError(f"a server refused to show the type of a field: {result['error']}")
    return result["series"][0]["values"][0][1] if result.get("series") else None


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the documents out of bytes that are cut anywhere; JSON has no newline within a document."""
    begun: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        begun.append(first)
        if not others:
            continue
        yield from _unless_blank(b"".join(begun))
        for line in others[:-1]:
            yield from _unless_blank(line)
        begun = [others[-1]]
    yield from _unless_blank(b"".join(begun))


def _unless_blank(line: bytes) -> Iterator[bytes]:
    if line.strip():
        yield line


def _failure(influx: Influx, statement: str, problem: str) -> ServerError:
    if _LIMITS.search(problem) or problem.startswith(_INFINITE):
        return TooMuchError(f"{influx.url}: {problem}", by_series="max-select-series" in problem)
    if _BUSY.search(problem):
        return BrokenStreamError(f"{influx.url}: {problem}")
    shown = statement if len(statement) <= 200 else f"{statement[:200]}…"  # noqa: PLR2004 (a line on a screen)
    return RefusedError(f"{influx.url} refused {shown}: {problem}")
