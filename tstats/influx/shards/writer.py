"""Writes TSM files from blocks of other files."""

from collections.abc import Iterable
from typing import Protocol

from tstats.errors import TsmError
from tstats.influx.shards.blocks import CHECKSUM, ValueKind, verify
from tstats.influx.shards.tsm import COUNT, ENTRY, FOOTER, KEY_LENGTH, MAGIC, IndexEntry

LARGEST_FILE = 1 << 31
"""Bytes of a file; InfluxDB begins another one there, too."""

MOST_BLOCKS = (1 << 16) - 1
"""How many blocks a key can have in one file."""


class WritableBytes(Protocol):
    """Something that takes bytes, such as a file that is open for writing."""

    def write(self, data: bytes, /) -> object:
        """Take them all."""


class TsmWriter:
    """Writes a TSM file from blocks of other files, as they are.

    The blocks go to the sink at once; of the index, 28 bytes per block and the keys are held until `finish`.

    Args:
        out: where the bytes go, from the beginning of the file to its end.

    Attributes:
        size: how many bytes were written so far.
    """

    def __init__(self, out: WritableBytes) -> None:
        self._out = out
        self._index = bytearray()
        self._previous = b""
        self.size = 0
        self._write(MAGIC)

    def add(self, key: bytes, kind: ValueKind, blocks: Iterable[tuple[IndexEntry, bytes]]) -> None:
        """Write the blocks of a key.

        Args:
            key: in byte order after the one before.
            kind: the type of its values.
            blocks: in the order of their times, not overlapping; the bytes with their checksum. The offset
                and the size of each do not matter.

        Raises:
            TsmError: the keys or blocks are out of order, a checksum is wrong, or the file becomes too large.
        """
        if not self._previous < key or len(key) >= 1 << 16:
            raise TsmError(f"key {key[:200]!r} is out of order or too long")
        entries: list[bytes] = []
        latest: int | None = None
        for block, content in blocks:
            verify(content)
            if content[CHECKSUM] != kind:
                raise TsmError(f"key {key[:200]!r} has a block of another type than {kind.label}")
            if latest is not None and block.first <= latest:
                raise TsmError(f"key {key[:200]!r} has blocks that overlap")
            latest = block.last
            entries.append(ENTRY.pack(block.first, block.last, self.size, len(content)))
            self._write(content)
        if not 0 < len(entries) <= MOST_BLOCKS or self.size > LARGEST_FILE:
            raise TsmError(f"key {key[:200]!r} has no blocks, or too many for one file")
        self._index += KEY_LENGTH.pack(len(key)) + key + COUNT.pack(kind, len(entries)) + b"".join(entries)
        self._previous = key

    def finish(self) -> None:
        """Write the index.

        Raises:
            TsmError: no key was added, and InfluxDB refuses a file without one.
        """
        if not self._index:
            raise TsmError("a TSM file without a key")
        start = self.size
        self._write(bytes(self._index))
        self._write(FOOTER.pack(start))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self.size += len(data)
