"""Compare the copies of a pair of shards, and collect what each side lacks: as blocks, or as points."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tstats.core.windows import Window
from tstats.errors import LineProtocolError
from tstats.influx.rows import Block, Field, Kind, Lines, Row
from tstats.influx.shards.blocks import NO_POINTS, KeyPoints, ValueKind, decode_blocks
from tstats.influx.shards.compare import ComparedKey, KeyVerdict, compare
from tstats.influx.shards.decode import batches, decode_keys
from tstats.influx.shards.files import ShardFiles
from tstats.influx.shards.keys import SeriesKey, parse_series, split_key
from tstats.influx.shards.points import Places, diff_points
from tstats.influx.shards.shard import ShardKey
from tstats.influx.shards.writer import TsmWriter
from tstats.sync.context import MeasurementContext
from tstats.sync.merge import Merge, SeriesDifference
from tstats.sync.options import SyncOptions
from tstats.sync.report import Counts
from tstats.sync.transfer import Findings, Transfer

FieldTypes = Mapping[tuple[str, str], frozenset[str]]
"""The types of each measurement's fields on one server, in all retention policies of a database."""

_KINDS: dict[ValueKind, Kind] = {
    ValueKind.FLOAT: "float",
    ValueKind.INTEGER: "integer",
    ValueKind.BOOLEAN: "boolean",
    ValueKind.STRING: "string",
}


@dataclass(slots=True)
class Measurement:
    """What is found of one measurement in a pair of shards.

    Attributes:
        context: of the measurement.
        transfer: writes points over HTTP.
        found: what was found.
        unsuited: why the measurement has to be synced by queries; None where blocks suffice.
    """

    context: MeasurementContext
    transfer: Transfer
    found: Findings = field(default_factory=Findings)
    unsuited: str | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its fields, in the order of the rows that `transfer` takes."""
        return self.context.plan.fields


class Upload:
    """The blocks that one side lacks, as a TSM file to be, and a point of each field to be written first.

    Args:
        path: of the file; it is made with the first key.
        types: of the fields that the side has.
    """

    def __init__(self, path: Path, types: FieldTypes) -> None:
        self.path = path
        self.seeds: list[Block] = []
        self.points = 0
        self._types = types
        self._seeded: set[tuple[str, str]] = set()
        self._file = path.open("wb")
        self._writer = TsmWriter(self._file)

    @property
    def is_empty(self) -> bool:
        """Whether the side lacks no block."""
        return not self._seeded

    def conflict(self, series: SeriesKey, name: str, kind: Kind) -> bool:
        """Tell whether the side has a field of this name with another type: its shard would be lost."""
        return not self._types.get((series.measurement, name), frozenset()) <= {kind}

    def add(self, key: ShardKey, series: SeriesKey, name: str, kind: Kind) -> None:
        """Add the blocks of a key that the side lacks."""
        self.points += key.points()
        self._writer.add(key.key, key.kind, ((located.block, located.bytes) for located in key.blocks))
        if (series.measurement, name) not in self._seeded:
            first = decode_blocks(key.kind, [key.blocks[0].bytes])[0]
            row = (int(first.times[0]), first.values[:1].tolist()[0])
            lines = Lines(series.measurement, [Field(name=name, kind=kind)])
            self.seeds += lines.of(series.tags, [row])
            self._seeded.add((series.measurement, name))

    def finish(self) -> int:
        """Complete the file, and return its size in bytes."""
        self._writer.finish()
        self.close()
        return self._writer.size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Exchange:
    """The comparison of one pair of shards.

    Args:
        options: what is asked for.
        window: the times of the shards.
        measurement: returns what is to be found of a measurement; None for one that neither side shows.
        to_target, to_source: take the blocks that a side lacks.
    """

    def __init__(
        self,
        options: SyncOptions,
        window: Window,
        *,
        measurement: Callable[[str], Measurement | None],
        to_target: Upload,
        to_source: Upload,
    ) -> None:
        self._options = options
        self._window = window
        self._apply = options.apply
        self._measurement = measurement
        self._to_target = to_target
        self._to_source = to_source
        self.hidden: set[str] = set()

    def run(self, source: ShardFiles, target: ShardFiles) -> None:
        """Compare two shards, write the points that differ, and collect the blocks that are missing.

        Raises:
            TsmError: a file is damaged.
            TstatsError: a server failed.
        """
        for batch in batches(self._differing(source, target)):
            self._compare_points(batch)

    def _differing(self, source: ShardFiles, target: ShardFiles) -> Iterator[ComparedKey]:
        """Yield the keys whose points have to be decoded; take the blocks of those that a side lacks."""
        for compared in compare(source.keys(), target.keys()):
            if compared.verdict is KeyVerdict.EQUAL:
                continue
            series, name, found = self._named(compared)
            if found is None or found.unsuited:
                continue
            kinds = {side.kind for side in (compared.left, compared.right) if side is not None}
            kind = _KINDS.get(min(kinds))
            if kind is None or len(kinds) > 1:
                found.unsuited = f"the types of the field {name} differ"
            elif compared.overlaps or compared.verdict is KeyVerdict.DIFFERENT:
                yield compared
            elif compared.left is not None:
                self._missing_in_target(compared.left, series, name, kind, found)
            elif compared.right is not None:
                self._missing_in_source(compared.right, series, name, kind, found)

    def _named(self, compared: ComparedKey) -> tuple[SeriesKey, str, Measurement | None]:
        series, name = split_key(compared.key)
        parsed = parse_series(series)
        found = self._measurement(parsed.measurement)
        if found is None or name not in found.fields:
            self.hidden.add(parsed.measurement)
            found = None
        return parsed, name, found

    def _missing_in_target(
        self, key: ShardKey, series: SeriesKey, name: str, kind: Kind, found: Measurement
    ) -> None:
        points = key.points()
        if self._to_target.conflict(series, name, kind):
            found.unsuited = f"the target has the field {name} with another type"
        elif self._apply:
            self._take(self._to_target, key, series, name, kind, found)
            found.found.to_target = True
            found.found.counts.add(Counts(points_missing=points, points_written=points))
        else:
            found.found.counts.add(Counts(points_missing=points))
            found.found.unwritten += points

    def _missing_in_source(
        self, key: ShardKey, series: SeriesKey, name: str, kind: Kind, found: Measurement
    ) -> None:
        points = key.points()
        found.found.counts.add(Counts(points_only_in_target=points))
        if not self._options.both_ways:
            return
        if self._to_source.conflict(series, name, kind):
            found.unsuited = f"the source has the field {name} with another type"
        elif self._apply:
            self._take(self._to_source, key, series, name, kind, found)
            found.found.to_source = True
            found.found.counts.add(Counts(points_written=points))
        else:
            found.found.unwritten += points

    def _take(
        self, upload: Upload, key: ShardKey, series: SeriesKey, name: str, kind: Kind, found: Measurement
    ) -> None:
        try:
            upload.add(key, series, name, kind)
        except LineProtocolError as error:
            found.unsuited = str(error)

    def _compare_points(self, batch: list[ComparedKey]) -> None:
        """Decode keys, and write the points that the policy asks for."""
        lefts = _decoded([compared.left for compared in batch])
        rights = _decoded([compared.right for compared in batch])
        differences: dict[str, list[tuple[SeriesDifference | None, int]]] = {}
        for compared, left, right in zip(batch, lefts, rights, strict=True):
            series, name, found = self._named(compared)
            if found is None or found.unsuited:
                continue
            if left.conflicts or right.conflicts:
                found.unsuited = "its files hold several values for one time"
                continue
            rows = len(left.times) + len(right.times)
            difference = self._difference(left, right, series, name, found)
            differences.setdefault(series.measurement, []).append((difference, rows))
        for measurement, found_here in differences.items():
            found = self._measurement(measurement)
            if found is not None:
                found.found.add(found.transfer.settle(found_here, self._window, apply=self._apply))

    def _difference(
        self, left: KeyPoints, right: KeyPoints, series: SeriesKey, name: str, found: Measurement
    ) -> SeriesDifference | None:
        diff = diff_points(left, right)
        if not diff.differs:
            return None
        merge = Merge(
            policy=self._options.policy, both_ways=self._options.both_ways, fields=len(found.fields)
        )
        place = found.fields.index(name)
        ours = _rows(left, (diff.only_left, diff.left), place, len(found.fields))
        theirs = _rows(right, (diff.only_right, diff.right), place, len(found.fields))
        return merge.compare_rows(series.tags, ours, theirs)


def _decoded(keys: list[ShardKey | None]) -> list[KeyPoints]:
    """Return the points of keys; none for a side that lacks the key."""
    points = iter(decode_keys([key for key in keys if key is not None]))
    return [next(points) if key is not None else NO_POINTS for key in keys]


def _rows(points: KeyPoints, places: tuple[Places, Places], field_place: int, fields: int) -> list[Row]:
    """Return some points as rows, in the order of time; the other fields are None."""
    before, after = (None,) * field_place, (None,) * (fields - field_place - 1)
    chosen = sorted(int(place) for part in places for place in part)
    times, values = points.times[chosen].tolist(), points.values[chosen].tolist()
    rows: list[tuple[Any, ...]] = [
        (time, *before, value, *after) for time, value in zip(times, values, strict=True)
    ]
    return rows
