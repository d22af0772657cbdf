"""The points of keys, decoded many at once."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tstats.errors import TsmError
from tstats.influx.shards.blocks import KeyPoints, ValueKind, decode_blocks
from tstats.influx.shards.compare import ComparedKey
from tstats.influx.shards.shard import Located, ShardKey

BATCH_POINTS = 1 << 18
"""So many points make a batch: some 260 full blocks, which take about 20 MB to decode."""

BATCH_BYTES = 8 << 20
"""So many bytes of blocks make a batch, too; strings can be long."""


def decode_keys(keys: Sequence[ShardKey]) -> list[KeyPoints]:
    """Return the points of each key, in the order of their times.

    Where blocks overlap, the point of the later file counts, as in InfluxDB.

    Args:
        keys: of any shards and types. All their blocks and points are held in memory; see `batches`.

    Raises:
        TsmError: a block is damaged; the text names the key.
    """
    found: dict[tuple[int, int], KeyPoints] = {}
    for kind in ValueKind:
        places = [
            (number, place, located)
            for number, key in enumerate(keys)
            if key.kind is kind
            for place, located in enumerate(key.blocks)
        ]
        for (number, place, located), points in zip(places, _decoded(kind, places), strict=True):
            if (points.times[0], points.times[-1]) != located.block[:2]:
                raise TsmError(
                    f"{located.file.name} is damaged: key {keys[number].key[:200]!r} has other times"
                )
            found[number, place] = points
    return [
        _joined(key, [found[number, place] for place in range(len(key.blocks))])
        for number, key in enumerate(keys)
    ]


def batches(
    compared: Iterable[ComparedKey], *, most_points: int = BATCH_POINTS, most_bytes: int = BATCH_BYTES
) -> Iterator[list[ComparedKey]]:
    """Yield the keys in batches that `decode_keys` can decode in bounded memory and little time.

    Args:
        compared: keys in any order, such as those that are different.
        most_points: of both sides of a batch; a key with more is a batch by itself.
        most_bytes: of the blocks of both sides; the same.

    Raises:
        TsmError: a block is damaged.
    """
    batch: list[ComparedKey] = []
    points = size = 0
    for pair in compared:
        sides = [side for side in (pair.left, pair.right) if side is not None]
        points += sum(side.points() for side in sides)
        size += sum(side.size for side in sides)
        if batch and (points > most_points or size > most_bytes):
            yield batch
            batch = []
            points, size = sum(side.points() for side in sides), sum(side.size for side in sides)
        batch.append(pair)
    if batch:
        yield batch


def _decoded(kind: ValueKind, places: Sequence[tuple[int, int, Located]]) -> list[KeyPoints]:
    blocks = [located.bytes for _, _, located in places]
    try:
        return decode_blocks(kind, blocks)
    except TsmError:
        for (_, _, located), block in zip(places, blocks, strict=True):
            try:
                decode_blocks(kind, [block])
            except TsmError as error:
                where = f"{located.file.name}, block at byte {located.block.offset}"
                raise TsmError(f"{where}: {error}") from error
        raise


def _joined(key: ShardKey, parts: list[KeyPoints]) -> KeyPoints:
    if len(parts) == 1:
        return parts[0]
    if key.overlaps:
        # Later files last, so that of several points of one time the last one counts.
        order = sorted(range(len(parts)), key=lambda place: (key.blocks[place].file.name, place))
        parts = [parts[place] for place in order]
    times = np.concatenate([part.times for part in parts])
    values = np.concatenate([part.values for part in parts])
    if not key.overlaps:
        return KeyPoints(times, values)
    sorting = np.argsort(times, kind="stable")
    times, values = times[sorting], values[sorting]
    same_time = times[1:] == times[:-1]
    last = np.append(~same_time, True)
    return KeyPoints(times[last], values[last], bool(np.any(same_time & (values[1:] != values[:-1]))))
