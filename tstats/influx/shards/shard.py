"""The files of a shard as one: its keys in byte order, each with its blocks in all files."""

import heapq
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from tstats.errors import TsmError
from tstats.influx.shards.blocks import ValueKind
from tstats.influx.shards.tsm import IndexEntry, IndexKey, TsmFile


class Located(NamedTuple):
    """A block and the file that it is in."""

    block: IndexEntry
    file: TsmFile

    @property
    def bytes(self) -> bytes:
        """The block as it stands in the file, with its checksum."""
        return self.file.block(self.block)


class ShardKey(NamedTuple):
    """A key of a shard with all its blocks.

    Attributes:
        key: the series and the field; see `keys`.
        kind: the type of its values.
        blocks: in the order of their first points; those that begin together in the order of their files.
        overlaps: whether the times of some blocks overlap. Then a point of a later file replaces one of an
            earlier file; but InfluxDB may later answer with the earlier one (a fault of its compaction).
    """

    key: bytes
    kind: ValueKind
    blocks: tuple[Located, ...]
    overlaps: bool

    @property
    def size(self) -> int:
        """Bytes of all blocks."""
        return sum(located.block.size for located in self.blocks)

    @property
    def first(self) -> int:
        """The time of the first point."""
        return self.blocks[0].block.first

    @property
    def last(self) -> int:
        """The time of the last point."""
        return max(located.block.last for located in self.blocks)

    def points(self) -> int:
        """Return how many points the blocks hold; where they overlap, a point may count twice.

        Raises:
            TsmError: a block is damaged.
        """
        return sum(located.file.count(located.block) for located in self.blocks)


def shard_keys(files: Sequence[TsmFile]) -> Iterator[ShardKey]:
    """Yield the keys of a shard in byte order, whatever the number of files in bounded memory.

    Args:
        files: in any order; their names say which is later.

    Raises:
        TsmError: a file is damaged, or a key has two types.
    """
    ordered = sorted(files, key=lambda file: file.name)
    if len(ordered) == 1:
        for entry in ordered[0].index():
            yield _joined(entry.key, [(entry, ordered[0])])
        return
    streams = [_ranked(file, rank) for rank, file in enumerate(ordered)]
    merged = heapq.merge(*streams, key=itemgetter(0, 1))
    for key, versions in groupby(merged, key=itemgetter(0)):
        yield _joined(key, [version[2:] for version in versions])


def _ranked(file: TsmFile, rank: int) -> Iterator[tuple[bytes, int, IndexKey, TsmFile]]:
    for entry in file.index():
        yield entry.key, rank, entry, file


def _joined(key: bytes, versions: Sequence[tuple[IndexKey, TsmFile]]) -> ShardKey:
    """Return a key from what the index of each file says of it, in the order of the files."""
    kind = versions[0][0].kind
    if any(entry.kind is not kind for entry, _ in versions):
        raise TsmError(f"key {key[:200]!r} has two types in one shard")
    blocks = [Located(block, file) for entry, file in versions for block in entry.blocks]
    overlaps = False
    if len(blocks) > 1:
        blocks.sort(key=lambda located: located.block.first)
        latest = blocks[0].block.first - 1
        for located in blocks:
            overlaps |= located.block.first <= latest
            latest = max(latest, located.block.last)
    return ShardKey(key, kind, tuple(blocks), overlaps)
