"""TSM files made in memory, as a test states them."""

import io
from collections.abc import Mapping, Sequence

from tests.support import encoding
from tstats.influx.shards.blocks import ValueKind
from tstats.influx.shards.tsm import IndexEntry, TsmFile
from tstats.influx.shards.writer import TsmWriter

Columns = Mapping[bytes, Sequence[Mapping[int, float]]]


class Memory:
    """Bytes that are read as those of a file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read(self, offset: int, size: int) -> bytes:
        """Return a part of them."""
        return self._content[offset : offset + size]


def block(points: Mapping[int, float]) -> tuple[IndexEntry, bytes]:
    """Return a block of floats and its entry."""
    times, values = sorted(points), [points[time] for time in sorted(points)]
    content = encoding.block(0, encoding.times(times), encoding.floats(values))
    return IndexEntry(times[0], times[-1], 0, len(content)), content


def file_bytes(columns: Columns) -> bytes:
    """Return a file with some keys; the blocks of each, and the points of each block."""
    out = io.BytesIO()
    writer = TsmWriter(out)
    for key in sorted(columns):
        writer.add(key, ValueKind.FLOAT, map(block, columns[key]))
    writer.finish()
    return out.getvalue()


def tsm_file(columns: Columns, name: str = "000000001-000000001.tsm") -> TsmFile:
    """Return such a file, opened."""
    return TsmFile(name, Memory(file_bytes(columns)))
