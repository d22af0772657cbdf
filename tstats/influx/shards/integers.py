"""Sequences of 64-bit integers in TSM blocks: the times, and the values of integer fields.

Both are stored as differences, raw, packed with simple8b, or as a run of equal differences. Differences of
values are zigzag encoded; those of times have a scale, a power of ten.

Source: InfluxDB's tsm1/batch_timestamp.go and batch_integer.go.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tstats.errors import TsmError
from tstats.influx.shards import simple8b
from tstats.influx.shards.simple8b import Words
from tstats.influx.shards.varint import uvarint

MOST_POINTS = 1 << 16
"""How many points a block may hold here; InfluxDB makes blocks of 1,000, and of 10,000 if asked to."""

Integers = npt.NDArray[np.int64]

_RAW, _PACKED, _RUN = range(3)
_FIRST = 8  # bytes of the first integer
_ONE = np.uint64(1)
_WRAP = (1 << 64) - 1


def count_times(times: bytes) -> int:
    """Return how many times there are, without decoding them.

    Raises:
        TsmError: they are damaged.
    """
    encoding, _, body = _opened(times)
    if encoding == _PACKED:
        return _bounded(1 + simple8b.count(simple8b.words(body[_FIRST:])))
    return _bounded(_run(body)[2] if encoding == _RUN else len(_raw(body)))


def decode_times(blocks: Sequence[bytes]) -> list[Integers]:
    """Return the times of several blocks, in ns.

    Raises:
        TsmError: a block is damaged, or not in ascending order.
    """
    decoded = _decoded(blocks, zigzag=False)
    if not all(bool((times[1:] > times[:-1]).all()) for times in decoded):
        raise TsmError("the times of a block are not in ascending order")
    return decoded


def decode_integers(blocks: Sequence[bytes]) -> list[Integers]:
    """Return the values of several blocks of integers; those of unsigned fields are to be viewed as such.

    Raises:
        TsmError: a block is damaged.
    """
    return _decoded(blocks, zigzag=True)


def _decoded(blocks: Sequence[bytes], *, zigzag: bool) -> list[Integers]:
    opened = [_opened(block) for block in blocks]
    packed = [body[_FIRST:] for encoding, _, body in opened if encoding == _PACKED]
    unpacked = iter(simple8b.unpack(packed, most=MOST_POINTS - 1))
    found: list[Integers] = []
    for encoding, scale, body in opened:
        if encoding == _RUN:
            found.append(_expanded(body, scale, zigzag=zigzag))
            continue
        if encoding == _PACKED:
            first, rest = np.frombuffer(body, ">u8", 1).astype(np.uint64), next(unpacked)
            deltas = np.concatenate((first, rest if zigzag else rest * np.uint64(scale)))
        else:
            deltas = _raw(body)
        found.append(np.cumsum(_from_zigzag(deltas) if zigzag else deltas, dtype=np.uint64).view(np.int64))
    return found


def _opened(block: bytes) -> tuple[int, int, bytes]:
    """Return the encoding, the scale and the rest of a sequence."""
    if len(block) < 1 + _FIRST:
        raise TsmError("a sequence of integers without a first one")
    encoding, exponent = block[0] >> 4, block[0] & 0xF
    if encoding > _RUN:
        raise TsmError(f"unknown encoding {encoding} of integers")
    return encoding, 10**exponent, block[1:]


def _raw(body: bytes) -> Words:
    deltas = simple8b.words(body)
    _bounded(len(deltas))
    return deltas


def _run(body: bytes) -> tuple[int, int, int]:
    """Return the first integer, the difference and how often a run says."""
    delta, at = uvarint(body, _FIRST)
    number, _ = uvarint(body, at)
    return int.from_bytes(body[:_FIRST]), delta, number


def _expanded(body: bytes, scale: int, *, zigzag: bool) -> Integers:
    first, delta, number = _run(body)
    if zigzag:  # here the first one does not count
        first, delta, number = _unsigned(first), _unsigned(delta), number + 1
    else:
        delta = delta * scale & _WRAP
    run = np.arange(_bounded(number), dtype=np.uint64)
    return (run * np.uint64(delta) + np.uint64(first)).view(np.int64)


def _bounded(number: int) -> int:
    if not 0 < number <= MOST_POINTS:
        raise TsmError(f"a block of {number} points; there can be 1 to {MOST_POINTS}")
    return number


def _from_zigzag(integers: Words) -> Words:
    return (integers >> _ONE) ^ (np.uint64(0) - (integers & _ONE))


def _unsigned(integer: int) -> int:
    """Return the two's complement of a zigzag encoded integer."""
    return (integer >> 1) ^ (-(integer & 1) & _WRAP)
