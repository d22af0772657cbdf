"""How two shards differ: keys that only one of them has, and points of keys that both have."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tstats.influx.shards.compare import ComparedKey, KeyVerdict, compare
from tstats.influx.shards.decode import batches, decode_keys
from tstats.influx.shards.keys import parse_series, split_key
from tstats.influx.shards.points import PointsDiff, diff_points
from tstats.influx.shards.shard import ShardKey


@dataclass(slots=True, kw_only=True)
class MeasurementDiff:
    """How two shards differ in a measurement; a key is one field of a series.

    Attributes:
        name: of the measurement.
        equal: keys with the same values, bit by bit.
        only_left: keys that only the left shard has.
        only_right: keys that only the right one has.
        different: keys that both have, with other values.
        values_left: values that only the left shard has, including those of `only_left`.
        values_right: the same of the right shard.
        values_different: values that both have at the same time, but not the same.
        overlapping: keys with blocks that overlap in time; queries may return other values for them.
    """

    name: str
    equal: int = 0
    only_left: int = 0
    only_right: int = 0
    different: int = 0
    values_left: int = 0
    values_right: int = 0
    values_different: int = 0
    overlapping: int = 0

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.only_left or self.only_right or self.different)


def diff(left: Iterable[ShardKey], right: Iterable[ShardKey]) -> list[MeasurementDiff]:
    """Return the differences of two shards by measurement, in order of their names.

    Args:
        left: the keys of a shard, in byte order.
        right: those of the other.

    Raises:
        TsmError: a file is damaged.
    """
    found: dict[str, MeasurementDiff] = {}
    differing = _counted(compare(left, right), found)
    for batch in batches(differing):
        lefts = decode_keys([pair.left for pair in batch if pair.left])
        rights = decode_keys([pair.right for pair in batch if pair.right])
        for pair, mine, yours in zip(batch, lefts, rights, strict=True):
            _add(_of(found, pair), diff_points(mine, yours))
    return [found[name] for name in sorted(found)]


def _counted(compared: Iterable[ComparedKey], found: dict[str, MeasurementDiff]) -> Iterator[ComparedKey]:
    """Count what needs no decoding, and yield the rest."""
    for pair in compared:
        counts = _of(found, pair)
        counts.overlapping += pair.overlaps
        if pair.verdict is KeyVerdict.EQUAL:
            counts.equal += 1
        elif pair.left and pair.right:
            yield pair
        elif pair.left:
            counts.only_left += 1
            counts.values_left += pair.left.points()
        elif pair.right:
            counts.only_right += 1
            counts.values_right += pair.right.points()


def _of(found: dict[str, MeasurementDiff], pair: ComparedKey) -> MeasurementDiff:
    name = parse_series(split_key(pair.key)[0]).measurement
    return found.setdefault(name, MeasurementDiff(name=name))


def _add(counts: MeasurementDiff, points: PointsDiff) -> None:
    counts.values_left += len(points.only_left)
    counts.values_right += len(points.only_right)
    counts.values_different += len(points.left)
    if points.differs:
        counts.different += 1
    else:
        counts.equal += 1
