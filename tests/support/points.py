"""Points that a test defines, writes to a server and exports from it again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.influx.line_protocol import FieldValue, point

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, Tags, int]
Export = dict[Key, dict[str, FieldValue]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of a measurement."""

    measurement: str = "bandwidth.1min"
    tags: Tags = ()
    time: int
    fields: tuple[tuple[str, FieldValue], ...]

    @property
    def key(self) -> Key:
        """The identity of the point."""
        return (self.measurement, self.tags, self.time)


def write(influx: Influx, points: Iterable[Point], *, database: str, policy: str) -> None:
    """Write points; of points with the same key, the later ones win, field by field."""
    lines = [
        point(each.measurement, tags=dict(each.tags), fields=dict(each.fields), time=each.time)
        for each in points
    ]
    for start in range(0, len(lines), 10_000):
        influx.write("\n".join(lines[start : start + 10_000]).encode(), database=database, policy=policy)


def write_whole(influx: Influx, points: Sequence[Point], *, database: str, policy: str) -> None:
    """Write points into an empty policy, and make sure that they are there.

    InfluxDB 1.6.7 once acknowledged the first body after a database had been dropped and created again, and
    lost the part of it that belonged to one of five new shards.
    """
    for _ in range(3):
        write(influx, points, database=database, policy=policy)
        if export(influx, database, policy) == as_export(points):
            return
    raise AssertionError(f"{influx.url} does not hold what was written to it")


def export(influx: Influx, database: str, policy: str) -> Export:
    """Return every point of a retention policy, read differently from sync: one query per field."""
    found: Export = {}
    names = {
        series.name: [row["fieldKey"] for row in series.rows()]
        for series in influx.query(f'SHOW FIELD KEYS ON "{database}" FROM "{policy}"./.*/')
    }
    for measurement, fields in names.items():
        origin = influxql.source(database, policy, measurement)
        for field in dict.fromkeys(fields):
            column = f"{influxql.identifier(field)}::field"
            for series in influx.query(f"SELECT {column} FROM {origin} GROUP BY *", database=database):
                tags = tuple(sorted((key, value) for key, value in series.tags.items() if value))
                for time, value in series.values:
                    if value is not None:
                        found.setdefault((measurement, tags, time), {})[field] = value
    return found


def as_export(points: Iterable[Point]) -> Export:
    """Return what a server holds after these points were written."""
    found: Export = {}
    for each in points:
        found.setdefault(each.key, {}).update(dict(each.fields))
    return found


def healed(source: Mapping[Key, Mapping[str, FieldValue]], target: Export, *, policy: str) -> Export:
    """Return what the target should hold after a sync: the reference, as simple as possible."""
    result = {key: dict(fields) for key, fields in target.items()}
    for key, fields in source.items():
        held = result.setdefault(key, {})
        for name, value in fields.items():
            if name not in held or policy == "source":
                held[name] = value
            elif policy == "max" and not isinstance(value, str | bool):
                held[name] = max(value, held[name])
    return result
