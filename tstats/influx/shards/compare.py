"""Compares two shards without decoding them: the same points in the same blocks are the same bytes.

Blocks are canonical: two fully compacted shards with the same points have the same blocks, whatever their
history and version of InfluxDB. So keys with equal blocks have equal points, exactly; those with different
blocks may still have equal points, if one of the shards is not fully compacted, and have to be decoded.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from tstats.influx.shards.shard import ShardKey
from tstats.influx.shards.tsm import IndexEntry


class KeyVerdict(StrEnum):
    """How the blocks of a key compare."""

    EQUAL = "equal"
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    DIFFERENT = "different"


class ComparedKey(NamedTuple):
    """A key of two shards.

    Attributes:
        key: the series and the field.
        verdict: how its blocks compare.
        left: its blocks in the left shard; None where that lacks the key.
        right: the same of the right shard.
    """

    key: bytes
    verdict: KeyVerdict
    left: ShardKey | None
    right: ShardKey | None

    @property
    def overlaps(self) -> bool:
        """Whether blocks of a side overlap in time; queries may then return other values than the blocks."""
        return any(side is not None and side.overlaps for side in (self.left, self.right))


def compare(left: Iterable[ShardKey], right: Iterable[ShardKey]) -> Iterator[ComparedKey]:
    """Yield every key of two shards in byte order, with a verdict; in bounded memory.

    Args:
        left: the keys of a shard in byte order, as `shard.shard_keys` yields them.
        right: those of the other shard.

    Raises:
        TsmError: a file is damaged.
    """
    lefts, rights = iter(left), iter(right)
    left_key, right_key = next(lefts, None), next(rights, None)
    while left_key is not None or right_key is not None:
        if right_key is None or (left_key is not None and left_key.key < right_key.key):
            assert left_key is not None  # noqa: S101 (for mypy: the loop ends where both are None)
            yield ComparedKey(left_key.key, KeyVerdict.ONLY_LEFT, left_key, None)
            left_key = next(lefts, None)
        elif left_key is None or right_key.key < left_key.key:
            yield ComparedKey(right_key.key, KeyVerdict.ONLY_RIGHT, None, right_key)
            right_key = next(rights, None)
        else:
            verdict = KeyVerdict.EQUAL if _equal(left_key, right_key) else KeyVerdict.DIFFERENT
            yield ComparedKey(left_key.key, verdict, left_key, right_key)
            left_key, right_key = next(lefts, None), next(rights, None)


def _equal(left_key: ShardKey, right_key: ShardKey) -> bool:
    """Whether both have the same blocks: first what the index says, then the bytes themselves."""
    if left_key.kind is not right_key.kind or len(left_key.blocks) != len(right_key.blocks):
        return False
    pairs = list(zip(left_key.blocks, right_key.blocks, strict=True))
    return all(_alike(mine.block, yours.block) for mine, yours in pairs) and all(
        mine.bytes == yours.bytes for mine, yours in pairs
    )


def _alike(mine: IndexEntry, yours: IndexEntry) -> bool:
    """Whether blocks agree in everything but their place."""
    return mine.first == yours.first and mine.last == yours.last and mine.size == yours.size
