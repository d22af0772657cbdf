"""Prints what shards hold and how they differ, for people and for scripts."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tstats.core.time import format_time
from tstats.influx.shards.archive import ShardPath
from tstats.influx.shards.rpc import Backup
from tstats.shard.diff import MeasurementDiff
from tstats.shard.report import ShardContents

_CONTENTS = ("measurement", "series", "fields", "points", "values", "bytes", "first", "last")
_DIFF = (
    "measurement",
    "equal",
    "only left",
    "only right",
    "different",
    "values left",
    "values right",
    "values differ",
)


def path_as_json(path: ShardPath) -> dict[str, Any]:
    """Return where a shard is, as `--output json` promises it."""
    return {"id": path.shard_id, "database": path.database, "policy": path.policy}


def paths_as_lines(paths: Sequence[ShardPath]) -> Iterator[str]:
    """Yield a table of shards."""
    rows = [(str(path.shard_id), path.database, path.policy) for path in paths]
    yield from _table(("id", "database", "policy"), rows, texts=3)


def contents_as_json(backup: Backup, contents: ShardContents) -> dict[str, Any]:
    """Return what a shard holds, as `--output json` promises it."""
    return {
        **(path_as_json(backup.path) if backup.path else {}),
        "files": len(backup.files),
        "bytes": sum(file.size for file in backup.files),
        "tombstones": backup.tombstones,
        "overlappingKeys": contents.overlapping,
        "measurements": [
            {
                "name": measurement.name,
                "series": measurement.series,
                "fields": measurement.fields,
                "points": measurement.points,
                "values": measurement.values,
                "bytes": measurement.size,
                "first": format_time(measurement.first),
                "last": format_time(measurement.last),
            }
            for measurement in contents.measurements
        ],
    }


def contents_as_lines(shard_id: int, backup: Backup, contents: ShardContents) -> Iterator[str]:
    """Yield what a shard holds as a heading and a table."""
    if backup.path is None:
        yield f"shard {shard_id} is empty"
        return
    size = sum(file.size for file in backup.files)
    yield f"shard {shard_id} ({backup.path}): {_counted(len(backup.files), 'file')}, {size:,} bytes"
    if backup.tombstones:
        yield "it has tombstones: deleted points that its files still hold are counted"
    if contents.overlapping:
        keys = _counted(contents.overlapping, "key")
        yield f"it is not fully compacted: points of {keys} may be in several files, and count in each"
    rows = [
        (
            measurement.name,
            f"{measurement.series:,}",
            f"{len(measurement.fields):,}",
            f"{measurement.points:,}",
            f"{measurement.values:,}",
            f"{measurement.size:,}",
            format_time(measurement.first),
            format_time(measurement.last),
        )
        for measurement in contents.measurements
    ]
    yield from _table(_CONTENTS, rows, texts=1)


def diff_as_json(left: Backup, right: Backup, found: Sequence[MeasurementDiff]) -> dict[str, Any]:
    """Return how two shards differ, as `--output json` promises it."""
    names = {
        "equal": "equalKeys",
        "only_left": "onlyLeftKeys",
        "only_right": "onlyRightKeys",
        "different": "differentKeys",
        "values_left": "onlyLeftValues",
        "values_right": "onlyRightValues",
        "values_different": "differentValues",
        "overlapping": "overlappingKeys",
    }
    return {
        "differs": any(measurement.differs for measurement in found),
        "tombstones": left.tombstones or right.tombstones,
        "measurements": [
            {names.get(name, name): value for name, value in asdict(measurement).items()}
            for measurement in found
        ],
    }


def diff_as_lines(left: Backup, right: Backup, found: Sequence[MeasurementDiff]) -> Iterator[str]:
    """Yield how two shards differ as a verdict and a table of the measurements that do."""
    if left.tombstones or right.tombstones:
        yield "tombstones: points that were deleted, but are still in the files, count as present"
    if overlapping := sum(measurement.overlapping for measurement in found):
        keys = _counted(overlapping, "key")
        yield f"queries may give other values than the files: {keys} in overlapping files"
    equal = sum(measurement.equal for measurement in found)
    differing = [measurement for measurement in found if measurement.differs]
    if not differing:
        yield f"no difference: {_counted(equal, 'key')} in {_counted(len(found), 'measurement')} equal"
        return
    rows = [
        (
            measurement.name,
            *(
                f"{number:,}"
                for number in (
                    measurement.equal,
                    measurement.only_left,
                    measurement.only_right,
                    measurement.different,
                    measurement.values_left,
                    measurement.values_right,
                    measurement.values_different,
                )
            ),
        )
        for measurement in differing
    ]
    yield from _table(_DIFF, rows, texts=1)
    yield f"{len(differing):,} of {_counted(len(found), 'measurement')} with differences"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int) -> Iterator[str]:
    """Yield lines with columns of equal width, the first `texts` of them aligned to the left."""
    lines = [columns, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
    for line in lines:
        cells = (
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
