"""Simple8b: 64-bit words, each with 1 to 240 integers of equal width and a selector that says how many.

Source: Anh and Moffat, "Index compression using 64-bit words" (2010); InfluxDB's pkg/encoding/simple8b.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tstats.errors import TsmError

Words = npt.NDArray[np.uint64]

# How many integers of how many bits; the first two selectors stand for as many ones.
_NUMBERS = np.array([240, 120, 60, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1])
_BITS = (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 60)
_SELECTOR = np.uint64(60)
_RUNS = 2


def words(data: bytes) -> Words:
    """Return big-endian bytes as words.

    Raises:
        TsmError: the bytes are not whole words.
    """
    _check_words(data)
    return np.frombuffer(data, ">u8").astype(np.uint64)


def count(packed: Words) -> int:
    """Return how many integers the words hold."""
    return int(_numbers(packed).sum())


def unpack(parts: list[bytes], *, most: int) -> list[Words]:
    """Return the integers of several sequences of words, which takes less time than one by one.

    Args:
        parts: each a sequence of big-endian words; may be empty.
        most: how many integers each may hold.

    Raises:
        TsmError: one holds more, or does not consist of whole words.
    """
    for part in parts:
        _check_words(part)
    packed = words(b"".join(parts))
    numbers = _numbers(packed)
    ends = np.concatenate(([0], np.cumsum(numbers)))
    edges = ends[np.cumsum([0, *(len(part) // 8 for part in parts)])]
    if parts and int(np.diff(edges).max()) > most:
        raise TsmError(f"a block of more than {most} points")
    integers = _unpacked(packed, ends)
    return [integers[start:end] for start, end in pairwise(edges.tolist())]


def _check_words(data: bytes) -> None:
    if len(data) % 8:
        raise TsmError("packed integers end within a word")


def _numbers(packed: Words) -> npt.NDArray[np.int64]:
    return _NUMBERS[(packed >> _SELECTOR).astype(np.intp)]


def _unpacked(packed: Words, ends: npt.NDArray[np.int64]) -> Words:
    integers = np.ones(int(ends[-1]), np.uint64)
    selectors = packed >> _SELECTOR
    for selector, bits in enumerate(_BITS):
        chosen = np.flatnonzero(selectors == selector)
        if selector < _RUNS or not len(chosen):
            continue
        places = np.arange(int(_NUMBERS[selector]))
        shifts = (places * bits).astype(np.uint64)
        mask = np.uint64((1 << bits) - 1)
        integers[ends[chosen][:, None] + places] = (packed[chosen][:, None] >> shifts) & mask
    return integers
