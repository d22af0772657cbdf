"""What a shard holds, from the indexes of its files and the heads of its blocks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from tstats.influx.shards.keys import parse_series, split_key
from tstats.influx.shards.shard import ShardKey


@dataclass(slots=True, kw_only=True)
class MeasurementContents:
    """What a shard holds of a measurement.

    Attributes:
        name: of the measurement.
        series: how many.
        fields: the type of each by its name, as in SHOW FIELD KEYS.
        points: how many, at least: of each series as many as its fullest field has. Where blocks overlap or
            points were deleted, those count too.
        values: of all fields of all points.
        size: of its blocks in bytes.
        first: the time of the first point, in ns.
        last: the time of the last point.
    """

    name: str
    series: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    points: int = 0
    values: int = 0
    size: int = 0
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardContents:
    """What a shard holds.

    Attributes:
        measurements: by name, in order.
        overlapping: how many keys have blocks that overlap in time: the shard is not fully compacted, and
            points of these count more than once.
    """

    measurements: tuple[MeasurementContents, ...]
    overlapping: int


def survey(keys: Iterable[ShardKey]) -> ShardContents:
    """Return what a shard holds; in memory there is no more than that.

    Args:
        keys: of the shard, in byte order.

    Raises:
        TsmError: a file is damaged.
    """
    found: dict[str, MeasurementContents] = {}
    overlapping = 0
    for series, group in groupby(keys, key=lambda key: split_key(key.key)[0]):
        name = parse_series(series).measurement
        fullest = 0
        for key in group:
            contents = found.setdefault(name, MeasurementContents(name=name, first=key.first, last=key.last))
            contents.fields[split_key(key.key)[1]] = key.kind.label
            number = key.points()
            fullest = max(fullest, number)
            contents.values += number
            contents.size += key.size
            contents.first, contents.last = min(contents.first, key.first), max(contents.last, key.last)
            overlapping += key.overlaps
        contents.series += 1
        contents.points += fullest
    return ShardContents(measurements=tuple(found[name] for name in sorted(found)), overlapping=overlapping)
