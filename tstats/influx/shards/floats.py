"""Floats in TSM blocks: each is the exclusive or with the one before it, without its zeros at both ends.

A block is decoded from its beginning to its end, bit by bit, but many blocks can advance together: one lane
per block, and for each step some thirty operations of numpy on all lanes. That takes a tenth of the time of
a loop in Python, which is left for few blocks.

A block begins with the byte 0x10 and the 64 bits of the first value. Then come, per value, `0` for the same
value; `10` and an exclusive or within the window of bits that was given last; or `11`, 5 bits with the number
of leading zeros, 6 bits with the length of the window (0 is 64), and the exclusive or within it. A NaN ends
it.

Source: Pelkonen et al., "Gorilla: a fast, scalable, in-memory time series database" (2015); InfluxDB's
tsm1/batch_float.go.
"""

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tstats.errors import TsmError

Floats = npt.NDArray[np.float64]

_GORILLA = 0x10
_HEAD = 9  # bytes
_END = 0x7FF8000000000001  # a NaN, which no field can hold
_FEW = 48  # lanes: with fewer, a loop in Python is faster
_MOST_CELLS = 1 << 21  # values of one round of lanes: 16 MiB
_WORD = 64

# By the next 13 bits: how many of them are not yet the exclusive or, whether there is one (a mask), whether
# they give a new window (a mask), and that window: how far its bits lie from the left end of a word, and in
# the next byte from the right. The last bit says that such a window cannot be.
_HINT = 13
_BITS = np.arange(1 << _HINT)
_SAME, _NEW = _BITS >> 12 == 0, _BITS >> 11 == 3  # noqa: PLR2004 (the two control bits)
_LENGTH = np.where(_BITS & 63 == 0, _WORD, _BITS & 63)
_RIGHT = _WORD - _LENGTH - (_BITS >> 6 & 31)
_INVALID = 1 << 16
_ALL = np.uint64((1 << 64) - 1)
_TAKEN = np.where(_SAME, 1, np.where(_NEW, _HINT, 2)).astype(np.int64)
_CHANGED = np.where(_SAME, np.uint64(0), _ALL)
_RENEWED = np.where(_NEW, _ALL, np.uint64(0))
_WINDOW = (
    (_WORD - _LENGTH) | np.where(_RIGHT < 0, _WORD, _RIGHT) << 8 | np.where(_RIGHT < 0, _INVALID, 0)
).astype(np.uint64)


def decode_floats(blocks: Sequence[bytes], counts: Sequence[int]) -> list[Floats]:
    """Return the values of several blocks.

    Args:
        blocks: the encoded values of each.
        counts: how many values each holds, at least 1.

    Raises:
        TsmError: a block is damaged, or holds more or fewer.
    """
    for block in blocks:
        if len(block) < _HEAD or block[0] != _GORILLA:
            raise TsmError("a block of floats without a first value, or in an unknown encoding")
    found: list[Floats] = [np.empty(0)] * len(blocks)
    order = sorted(range(len(blocks)), key=lambda lane: -counts[lane])
    while order:
        width = max(_FEW, _MOST_CELLS // (counts[order[0]] + 1))
        lanes, order = order[:width], order[width:]
        chosen, numbers = [blocks[lane] for lane in lanes], [counts[lane] for lane in lanes]
        decode = _in_lockstep if len(lanes) >= _FEW else _one_by_one
        for lane, values in zip(lanes, decode(chosen, numbers), strict=True):
            found[lane] = values
    return found


def _in_lockstep(blocks: Sequence[bytes], counts: Sequence[int]) -> list[Floats]:
    """Return the values of blocks of which the first has the most, the last the fewest."""
    lanes = _Lanes(blocks)
    rows = np.zeros((counts[0] + 1, len(blocks)), np.uint64)
    rows[0] = lanes.value
    step = 1
    for active in range(len(counts), 0, -1):
        end = counts[active - 1] + 1
        if step < end:
            lanes.advance(rows[step:end], active)
            step = end
    at_ends = rows[counts, np.arange(len(counts))] == _END
    if lanes.damaged or not at_ends.all() or int((rows == _END).sum()) != len(counts):
        raise TsmError("a damaged block of floats")
    columns = np.ascontiguousarray(rows.T).view(np.float64)
    return [columns[lane, :count] for lane, count in enumerate(counts)]


class _Lanes:
    """Blocks that are decoded together; each has a position, a window and a value.

    The bytes of all blocks lie in one array of overlapping words of 64 bits, four bytes apart: a word holds
    at least the 33 bits that follow any position in its first four bytes.

    Attributes:
        value: the bits of the last value of each lane.
    """

    def __init__(self, blocks: Sequence[bytes]) -> None:
        padded = [block + bytes(-len(block) % 4) for block in blocks]
        halves = np.frombuffer(b"".join(padded) + bytes(16), ">u4").astype(np.uint64)
        self._words = halves[:-1] << np.uint64(32) | halves[1:]
        starts = np.cumsum([0, *(len(block) for block in padded[:-1])], dtype=np.int64)
        self._ends = (starts + [len(block) for block in blocks]) * 8
        self._position = (starts + _HEAD) * 8
        self._window = np.zeros(len(blocks), np.uint64)
        self._invalid = np.zeros(len(blocks), np.uint64)
        self.value = np.frombuffer(b"".join(block[1:_HEAD] for block in blocks), ">u8").astype(np.uint64)

    @property
    def damaged(self) -> bool:
        """Whether a lane went past the end of its block, or had a window that cannot be."""
        return bool((self._position > self._ends).any() or (self._invalid >= _INVALID).any())

    def advance(self, rows: npt.NDArray[np.uint64], active: int) -> None:
        """Decode a value of each of the first `active` lanes for each row, into the rows."""
        position, window, invalid = self._position[:active], self._window[:active], self._invalid[:active]
        value, words = self.value[:active], self._words
        index, small = np.empty(active, np.int64), np.empty(active, np.int64)
        bits, mask, shift, low = (np.empty(active, np.uint64) for _ in range(4))
        # The same memory as unsigned integers, or as indexes: converting them would cost as much as the rest.
        at, hint, length = position.view(np.uint64), bits.view(np.int64), shift.view(np.int64)
        half, byte, word, eight, rest = (np.uint64(number) for number in (31, 255, _WORD, 8, _WORD - _HINT))
        for row in rows:
            # The control bits, and what they say.
            np.right_shift(position, 5, out=index)
            np.bitwise_and(at, half, out=shift)
            words.take(index, out=bits, mode="clip")
            np.left_shift(bits, shift, out=bits)
            np.right_shift(bits, rest, out=bits)
            _TAKEN.take(hint, out=small, mode="clip")
            np.add(position, small, out=position)
            _WINDOW.take(hint, out=low, mode="clip")
            _RENEWED.take(hint, out=mask, mode="clip")
            np.bitwise_xor(low, window, out=low)
            np.bitwise_and(low, mask, out=low)
            np.bitwise_xor(window, low, out=window)
            np.bitwise_or(invalid, window, out=invalid)
            _CHANGED.take(hint, out=mask, mode="clip")
            # The 64 bits that follow.
            np.right_shift(position, 5, out=index)
            np.bitwise_and(at, half, out=shift)
            words.take(index, out=bits, mode="clip")
            np.left_shift(bits, shift, out=bits)
            np.add(index, 2, out=index)
            words.take(index, out=low, mode="clip")
            np.subtract(word, shift, out=shift)
            np.right_shift(low, shift, out=low)
            np.bitwise_or(bits, low, out=bits)
            # Those of the window, in their place.
            np.bitwise_and(window, byte, out=shift)
            np.right_shift(bits, shift, out=bits)
            np.right_shift(window, eight, out=low)
            np.bitwise_and(low, byte, out=low)
            np.left_shift(bits, low, out=bits)
            np.bitwise_and(bits, mask, out=bits)
            np.bitwise_xor(value, bits, out=value)
            row[:active] = value
            np.subtract(word, shift, out=shift)
            np.bitwise_and(shift, mask, out=shift)
            np.add(position, length, out=position)


def _one_by_one(blocks: Sequence[bytes], counts: Sequence[int]) -> list[Floats]:
    return [_alone(block, count) for block, count in zip(blocks, counts, strict=True)]


def _alone(block: bytes, count: int) -> Floats:
    """Return the values of one block."""
    words = struct.unpack(f">{len(block) // 8 + 4}Q", block + bytes(32 - len(block) % 8))
    end, position = len(block) * 8, _HEAD * 8
    value = int.from_bytes(block[1:_HEAD])
    length, right = _WORD, 0
    found = [value]
    for _ in range(count):
        if position >= end:
            break
        index, shift = position >> 6, position & 63
        bits = (words[index] << _WORD | words[index + 1]) >> (_WORD - shift)
        if not bits >> 63 & 1:
            position += 1
        else:
            position += 2
            if bits >> 62 & 1:
                left, length = bits >> 57 & 31, bits >> 51 & 63 or _WORD
                right = _WORD - left - length
                position += 11
                if right < 0:
                    break
            index, shift = position >> 6, position & 63
            bits = (words[index] << _WORD | words[index + 1]) >> (2 * _WORD - shift - length)
            value ^= (bits & (1 << length) - 1) << right
            position += length
        found.append(value)
    if len(found) != count + 1 or position > end or _END not in found or found.index(_END) != count:
        raise TsmError("a damaged block of floats")
    return np.array(found[:-1], np.uint64).view(np.float64)
