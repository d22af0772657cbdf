"""TSM files: blocks, and behind them an index with the blocks of each key, in the order of the keys.

Source: InfluxDB's tsm1/DESIGN.md, reader.go and writer.go.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from tstats.errors import TsmError
from tstats.influx.shards.blocks import (
    CHECKSUM,
    HEAD,
    ValueKind,
    count_points,
    times_end,
)

MAGIC = b"\x16\xd1\x16\xd1\x01"
"""The first bytes of a file, with the version."""

FOOTER = struct.Struct(">Q")
ENTRY = struct.Struct(">qqqI")
KEY_LENGTH = struct.Struct(">H")
COUNT = struct.Struct(">BH")
_READ = 1 << 18  # bytes of the index at once
_KINDS = tuple(ValueKind)


class ReadableBytes(Protocol):
    """Something with bytes at positions, such as a file."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, offset: int, size: int) -> bytes:
        """Return that many bytes from a position; fewer at the end."""


class IndexEntry(NamedTuple):
    """Where a block is, and the times of its first and last point; as the index has it."""

    first: int
    last: int
    offset: int
    size: int


class IndexKey(NamedTuple):
    """A key of a file, and its blocks in the order of the index, which as a rule is that of their times."""

    key: bytes
    kind: ValueKind
    blocks: tuple[IndexEntry, ...]


class TsmFile:
    """A TSM file to be read.

    Args:
        name: for errors, and where files are put in order: later files have later names.
        content: the bytes of the file.

    Raises:
        TsmError: it is not a TSM file, or truncated.
    """

    def __init__(self, name: str, content: ReadableBytes) -> None:
        self.name = name
        self._content = content
        footer = content.size - FOOTER.size
        if footer < len(MAGIC) or content.read(0, len(MAGIC)) != MAGIC:
            raise TsmError(f"{name} is not a TSM file of version 1")
        self._index_end = footer
        (self._index_start,) = FOOTER.unpack(self._read(footer, FOOTER.size))
        if not len(MAGIC) <= self._index_start <= self._index_end:
            raise TsmError(f"{name} is damaged: the index begins at byte {self._index_start}")

    def index(self) -> Iterator[IndexKey]:
        """Yield the keys with their blocks, in byte order.

        Raises:
            TsmError: the index is damaged.
        """
        index = _Index(self.name, self._read, start=self._index_start, end=self._index_end)
        previous = b""
        while not index.ended:
            (length,) = KEY_LENGTH.unpack(index.take(KEY_LENGTH.size))
            key = index.take(length)
            number, count = COUNT.unpack(index.take(COUNT.size))
            blocks = tuple(map(IndexEntry._make, ENTRY.iter_unpack(index.take(count * ENTRY.size))))
            if key <= previous or not blocks or number >= len(_KINDS):
                problem = "out of order, without blocks or of an unknown type"
                raise TsmError(f"{self.name} is damaged: key {key[:200]!r} is {problem}")
            for first, last, offset, size in blocks:
                if first > last or offset < len(MAGIC) or not CHECKSUM < size <= self._index_start - offset:
                    raise TsmError(f"{self.name} is damaged: key {key[:200]!r} has an impossible block")
            yield IndexKey(key, _KINDS[number], blocks)
            previous = key

    def block(self, block: IndexEntry) -> bytes:
        """Return a block with its checksum, which is not verified.

        Raises:
            TsmError: the file has become shorter.
        """
        return self._read(block.offset, block.size)

    def count(self, block: IndexEntry) -> int:
        """Return how many points a block has, reading only as much of it as needed.

        Raises:
            TsmError: the block is damaged.
        """
        head = self._read(block.offset, min(HEAD, block.size))
        try:
            needed = min(times_end(head), block.size)
            if needed > len(head):
                head = self._read(block.offset, needed)
            return count_points(head, block.size)
        except TsmError as error:
            raise TsmError(f"{self.name}, block at byte {block.offset}: {error}") from error

    def _read(self, offset: int, size: int) -> bytes:
        found = self._content.read(offset, size)
        if len(found) != size:
            raise TsmError(f"{self.name} is truncated at byte {offset + len(found)}")
        return found


class _Index:
    """The index of a file, read in pieces.

    Args:
        name: of the file.
        read: returns bytes of the file from a position.
        start: where the index begins.
        end: where it ends.
    """

    def __init__(self, name: str, read: Callable[[int, int], bytes], *, start: int, end: int) -> None:
        self._name = name
        self._read, self._next, self._end = read, start, end
        self._piece, self._at = b"", 0

    @property
    def ended(self) -> bool:
        return self._at == len(self._piece) and self._next == self._end

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self._at + size
        if end > len(self._piece):
            self._piece, self._at = self._piece[self._at :] + self._following(size), 0
            end = size
        found = self._piece[self._at : end]
        self._at = end
        return found

    def _following(self, wanted: int) -> bytes:
        missing = wanted - (len(self._piece) - self._at)
        if missing > self._end - self._next:
            raise TsmError(f"{self._name} is damaged: the index ends within a key")
        size = min(max(missing, _READ), self._end - self._next)
        self._next += size
        return self._read(self._next - size, size)
