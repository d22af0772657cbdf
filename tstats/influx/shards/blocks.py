"""Blocks of TSM files: a checksum, the kind of the values, the times, and as many values.

Source: InfluxDB's tsm1/encoding.go, batch_boolean.go and batch_string.go.
"""

import zlib
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import cramjam
import numpy as np
import numpy.typing as npt

from tstats.errors import TsmError
from tstats.influx.shards.floats import decode_floats
from tstats.influx.shards.integers import Integers, count_times, decode_integers, decode_times
from tstats.influx.shards.varint import uvarint

CHECKSUM = 4
"""How many bytes of a block its checksum takes."""

HEAD = CHECKSUM + 1 + 10 + 1 + 8 + 10 + 10
"""How many bytes of a block suffice for `count_points`, unless its times are packed."""

_BIT_PACKED = _SNAPPY = 0x10
_PACKED = 1  # the encoding of times that are counted word by word
_BEST_RATIO = 22  # of snappy: three bytes for 64


class ValueKind(IntEnum):
    """The type of the values, by the number that TSM files have for it."""

    FLOAT = 0
    INTEGER = 1
    BOOLEAN = 2
    STRING = 3
    UNSIGNED = 4

    @property
    def label(self) -> str:
        """The name of the type, as in SHOW FIELD KEYS."""
        return self.name.lower()


class KeyPoints(NamedTuple):
    """Times and as many values.

    Attributes:
        times: ns since the epoch, in ascending order.
        values: float64, int64, uint64 or bool; strings as Python's in an array of objects, where a byte that
            is not UTF-8 is a surrogate (PEP 383).
        conflicts: whether files hold different values for one time, so that InfluxDB may answer with either.
    """

    times: Integers
    values: npt.NDArray[Any]
    conflicts: bool = False


NO_POINTS = KeyPoints(np.empty(0, np.int64), np.empty(0, np.float64))


def verify(block: bytes) -> None:
    """Check the checksum of a block.

    Raises:
        TsmError: it is wrong, or the block is too short to have one.
    """
    if len(block) <= CHECKSUM or zlib.crc32(memoryview(block)[CHECKSUM:]) != int.from_bytes(block[:CHECKSUM]):
        raise TsmError("a block with a wrong checksum")


def times_end(head: bytes) -> int:
    """Return how many bytes of a block suffice for `count_points`, from the first `HEAD` of them.

    Raises:
        TsmError: the block is damaged.
    """
    start, end = _times(head)
    packed = start < len(head) and head[start] >> 4 == _PACKED
    return end if packed else min(end, HEAD)


def count_points(block: bytes, size: int) -> int:
    """Return how many points a block has, from its first bytes and without decoding them.

    Args:
        block: at least the first `times_end` bytes.
        size: the size of the whole block.

    Raises:
        TsmError: the block is damaged.
    """
    start, end = _times(block)
    if end > size:
        raise TsmError("a block that ends within its times")
    if start < len(block) and block[start] >> 4 == 0:  # raw: eight bytes each
        length = end - start - 1
        if length <= 0 or length % 8:
            raise TsmError("a block with damaged times")
        return length // 8
    return count_times(block[start:end])


def decode_blocks(kind: ValueKind, blocks: Sequence[bytes]) -> list[KeyPoints]:
    """Return the points of several blocks; the more at once, the less time each takes.

    Args:
        kind: the type of all of them.
        blocks: as they stand in the file, with their checksums.

    Raises:
        TsmError: a block is damaged, or of another kind.
    """
    moments: list[bytes] = []
    encoded: list[bytes] = []
    for block in blocks:
        verify(block)
        start, end = _times(block)
        if block[CHECKSUM] != kind:
            raise TsmError(f"a block of another type than {kind.label}")
        if end > len(block):
            raise TsmError("a block that ends within its times")
        moments.append(block[start:end])
        encoded.append(block[end:])
    times = decode_times(moments)
    counts = [len(moment) for moment in times]
    values = _values(kind, encoded, counts)
    if [len(value) for value in values] != counts:
        raise TsmError("a block with more times than values, or fewer")
    return [KeyPoints(*both) for both in zip(times, values, strict=True)]


def _times(block: bytes) -> tuple[int, int]:
    """Return where the times begin and end."""
    length, start = uvarint(block, CHECKSUM + 1)
    return start, start + length


def _values(kind: ValueKind, blocks: Sequence[bytes], counts: Sequence[int]) -> Sequence[npt.NDArray[Any]]:
    if kind is ValueKind.FLOAT:
        return decode_floats(blocks, counts)
    if kind is ValueKind.INTEGER:
        return decode_integers(blocks)
    if kind is ValueKind.UNSIGNED:
        return [values.view(np.uint64) for values in decode_integers(blocks)]
    decode = _booleans if kind is ValueKind.BOOLEAN else _strings
    return [decode(block, count) for block, count in zip(blocks, counts, strict=True)]


def _booleans(block: bytes, count: int) -> npt.NDArray[Any]:
    number, start = uvarint(block, 1)
    if block[0] != _BIT_PACKED or number != count or len(block) - start != (count + 7) // 8:
        raise TsmError("a damaged block of booleans")
    return np.unpackbits(np.frombuffer(block, np.uint8, offset=start), count=count).view(np.bool_)


def _strings(block: bytes, count: int) -> npt.NDArray[Any]:
    size, _ = uvarint(block, 1)
    if block[0] != _SNAPPY or size > _BEST_RATIO * len(block):
        raise TsmError("a damaged block of strings")
    try:
        text = bytes(cramjam.snappy.decompress_raw(block[1:]))
    except cramjam.DecompressionError as error:
        raise TsmError(f"a damaged block of strings: {error}") from error
    values = np.empty(count, object)
    at = 0
    for place in range(count):
        length, at = uvarint(text, at)
        if at + length > len(text):
            raise TsmError("a damaged block of strings")
        values[place] = text[at : at + length].decode(errors="surrogateescape")
        at += length
    if at != len(text):
        raise TsmError("a block with more values than times")
    return values
