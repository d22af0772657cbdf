"""Compares two shards without decoding them: the same points in the same blocks are the same bytes.

Blocks are canonical: two fully compacted shards with the same points have the same blocks, whatever their
history and version of InfluxDB. So keys with equal blocks have equal points, exactly; those with different
blocks may still have equal points, if one of the shards is not fully compacted, and have to be decoded.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from tstats.influx.shards.shard import Located, ShardKey


class KeyVerdict(StrEnum):
    """How the blocks of a key compare."""

    EQUAL = "equal"
    ONLY_LEFT = "only_left"
    ONLY_RIGHT = "only_right"
    DIFFERENT = "different"


class Compared(NamedTuple):
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
        """Whether blocks of a side overlap in time: then InfluxDB may answer otherwise than they say."""
        return any(side is not None and side.overlaps for side in (self.left, self.right))


def compare(left: Iterable[ShardKey], right: Iterable[ShardKey]) -> Iterator[Compared]:
    """Yield every key of two shards in byte order, with a verdict; in bounded memory.

    Args:
        left: the keys of a shard in byte order, as `shard.shard_keys` yields them.
        right: those of the other.

    Raises:
        TsmError: a file is damaged.
    """
    lefts, rights = iter(left), iter(right)
    one, other = next(lefts, None), next(rights, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.key < other.key):
            assert one is not None  # noqa: S101 (for mypy: the loop ends where both are None)
            yield Compared(one.key, KeyVerdict.ONLY_LEFT, one, None)
            one = next(lefts, None)
        elif one is None or other.key < one.key:
            yield Compared(other.key, KeyVerdict.ONLY_RIGHT, None, other)
            other = next(rights, None)
        else:
            verdict = KeyVerdict.EQUAL if _equal(one, other) else KeyVerdict.DIFFERENT
            yield Compared(one.key, verdict, one, other)
            one, other = next(lefts, None), next(rights, None)


def _equal(one: ShardKey, other: ShardKey) -> bool:
    """Whether both have the same blocks: first what the index says, then the bytes themselves."""
    if one.kind is not other.kind or len(one.blocks) != len(other.blocks):
        return False
    pairs = list(zip(one.blocks, other.blocks, strict=True))
    return all(map(_alike, *zip(*pairs, strict=True))) and all(
        mine.bytes == yours.bytes for mine, yours in pairs
    )


def _alike(mine: Located, yours: Located) -> bool:
    (first, last, _, size), (other_first, other_last, _, other_size) = mine.block, yours.block
    return first == other_first and last == other_last and size == other_size
