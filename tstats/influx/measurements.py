"""Read which measurements, fields, tags and shards an InfluxDB has."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tstats.core.time import LATEST, SECOND, parse_time
from tstats.core.windows import ALL_TIME, Window
from tstats.errors import RefusedError, ServerError
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.influx.rows import Kind
from tstats.influx.stream import read_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a measurement consists of in one retention policy.

    Attributes:
        fields: the types of each field, by its name; a field may have another type in another shard.
        tags: the keys of its tags, sorted; those of other policies with a measurement of this name too.
    """

    fields: dict[str, frozenset[Kind]]
    tags: tuple[str, ...]


def read_shapes(influx: Influx, database: str, policy: str) -> dict[str, Shape]:
    """Return every measurement of a retention policy that has a field, by name."""
    fields: dict[str, dict[str, set[Kind]]] = {}
    for series in influx.query(influxql.show_field_keys(database, policy)):
        for row in series.rows():
            kinds = fields.setdefault(series.name, {}).setdefault(row["fieldKey"], set())
            kinds.add(row["fieldType"])
    tags: dict[str, set[str]] = {}
    for series in influx.query(influxql.show_tag_keys(database, policy)):
        tags.setdefault(series.name, set()).update(row["tagKey"] for row in series.rows())
    return {
        name: Shape(
            fields={field: frozenset(kinds) for field, kinds in sorted(found.items())},
            tags=tuple(sorted(tags.get(name, ()))),
        )
        for name, found in sorted(fields.items())
    }


def read_shards(influx: Influx) -> dict[tuple[str, str], list[Window]] | None:
    """Return the windows of the shards of each retention policy, by database and policy.

    None where the user is not an administrator, as asking requires.
    """
    try:
        answer = influx.query(influxql.show_shard_groups())
    except RefusedError:
        return None
    found: dict[tuple[str, str], list[Window]] = {}
    for series in answer:
        for row in series.rows():
            found.setdefault((row["database"], row["retention_policy"]), []).append(_window(influx, row))
    return found


class ServerShard(NamedTuple):
    """A shard of a server.

    Attributes:
        number: its id.
        place: its database and retention policy.
        window: the times whose points it holds.
    """

    number: int
    place: tuple[str, str]
    window: Window


def read_server_shards(influx: Influx) -> list[ServerShard]:
    """Return all shards of a server.

    Raises:
        RefusedError: the user is not an administrator.
    """
    return [
        ServerShard(int(row["id"]), (row["database"], row["retention_policy"]), _window(influx, row))
        for series in influx.query(influxql.show_shards())
        for row in series.rows()
    ]


def read_field_types(influx: Influx, database: str) -> dict[tuple[str, str], frozenset[str]]:
    """Return the types of each measurement's fields, in all retention policies together."""
    types: dict[tuple[str, str], set[str]] = {}
    for series in influx.query(influxql.show_all_field_keys(database)):
        for row in series.rows():
            types.setdefault((series.name, row["fieldKey"]), set()).add(row["fieldType"])
    return {field: frozenset(kinds) for field, kinds in types.items()}


def _window(influx: Influx, row: Mapping[str, Any]) -> Window:
    """Return the window of a shard; the last of all ends at the end of time, shown without its fraction."""
    start, end = (_time(influx, row[column]) for column in ("start_time", "end_time"))
    return Window(start=start, end=ALL_TIME.end if end >= LATEST // SECOND * SECOND else end)


def _time(influx: Influx, text: str) -> int:
    try:
        return parse_time(text)
    except ValueError as error:
        raise ServerError(f"{influx.url} returned an invalid time: {text!r}") from error


def read_values(influx: Influx, database: str, policy: str, measurement: str, key: str) -> list[str]:
    """Return the values of a tag."""
    statement = influxql.show_tag_values(database, policy, measurement, key)
    return [row["value"] for series in influx.query(statement) for row in series.rows()]


def fingerprint(influx: Influx, database: str, policy: str, measurement: str) -> bytes:
    """Return a fingerprint of a measurement's series: equal on two servers that have the same series.

    It is bounded in memory, whatever the number of series: each series is hashed, and the hashes are
    combined by exclusive or, in any order.
    """
    combined, number = 0, 0
    statement = influxql.show_series(database, policy, measurement)
    for key in read_names(influx, statement, database=database):
        combined ^= int.from_bytes(hashlib.blake2b(key.encode(), digest_size=16).digest())
        number += 1
    return f"{number}:{combined:x}".encode()


def read_extent(
    influx: Influx, database: str, policy: str, measurement: str, fields: Iterable[str]
) -> Window | None:
    """Return the window from the first to the last point of a measurement; None where it has none."""
    moments = []
    for newest in (False, True):
        statement = influxql.select(
            [influxql.typed(field, "field") for field in fields],
            influxql.source(database, policy, measurement),
            start=ALL_TIME.start,
            end=ALL_TIME.end,
            limit=1,
            newest=newest,
        )
        moments += [
            int(row[0]) for series in influx.query(statement, database=database) for row in series.values
        ]
    return Window(start=min(moments), end=max(moments) + 1) if moments else None
