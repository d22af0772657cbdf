"""The files of a shard as one: its keys in byte order, each with its blocks in all files."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
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
    streams = [_numbered(file, rank) for rank, file in enumerate(sorted(files, key=lambda file: file.name))]
    merged = streams[0] if len(streams) == 1 else heapq.merge(*streams, key=itemgetter(0, 1))
    for key, versions in groupby(merged, key=itemgetter(0)):
        yield _joined(key, versions)


_Version = tuple[bytes, int, IndexKey, TsmFile]


def _numbered(file: TsmFile, rank: int) -> Iterator[_Version]:
    for entry in file.index():
        yield entry.key, rank, entry, file


def _joined(key: bytes, versions: Iterable[_Version]) -> ShardKey:
    kinds: set[ValueKind] = set()
    blocks: list[Located] = []
    for _, _, entry, file in versions:
        kinds.add(entry.kind)
        blocks += [Located(block, file) for block in entry.blocks]
    if len(kinds) > 1:
        raise TsmError(f"key {key[:200]!r} has two types in one shard")
    blocks.sort(key=lambda located: located.block.first)
    latest, overlaps = blocks[0].block.first - 1, False
    for located in blocks:
        overlaps |= located.block.first <= latest
        latest = max(latest, located.block.last)
    return ShardKey(key, kinds.pop(), tuple(blocks), overlaps)
