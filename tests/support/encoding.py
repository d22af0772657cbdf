"""Encoders of TSM blocks as simple as can be: the reference that the decoders are tested against."""

import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

import cramjam

_END = 0x7FF8000000000001
_PACKINGS = (
    (240, 0),
    (120, 0),
    (60, 1),
    (30, 2),
    (20, 3),
    (15, 4),
    (12, 5),
    (10, 6),
    (8, 7),
    (7, 8),
    (6, 10),
    (5, 12),
    (4, 15),
    (3, 20),
    (2, 30),
    (1, 60),
)
MOST_PACKED = 2**60 - 1


def uvarint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def float_bits(value: float) -> int:
    return int.from_bytes(struct.pack(">d", value))


def floats(values: Sequence[float]) -> bytes:
    bits = f"{float_bits(values[0]):064b}"
    previous, window = float_bits(values[0]), None
    for following in [*map(float_bits, values[1:]), _END]:
        change = previous ^ following
        previous = following
        if not change:
            bits += "0"
            continue
        digits = f"{change:064b}"
        left = (64 - len(digits.lstrip("0"))) & 31
        right = 64 - len(digits.rstrip("0"))
        if window and left >= window[0] and right >= window[1]:
            bits += "10"
        else:
            window = left, right
            bits += f"11{left:05b}{(64 - left - right) & 63:06b}"
        bits += digits[window[0] : 64 - window[1]]
    bits += "0" * (-len(bits) % 8)
    return b"\x10" + int(bits, 2).to_bytes(len(bits) // 8)


def packed(integers: Sequence[int], *, first_selector: int = 0) -> bytes:
    """Return simple8b words, of no selector before `first_selector` where a later one will do."""
    found, rest = b"", list(integers)
    while rest:
        for selector, (number, bits) in enumerate(_PACKINGS):
            chosen = rest[:number]
            fits = all(integer < 1 << bits if bits else integer == 1 for integer in chosen)
            if len(chosen) == number and fits and selector >= min(first_selector, 15):
                word = selector << 60
                for place, integer in enumerate(chosen):
                    word |= integer << place * bits if bits else 0
                found += word.to_bytes(8)
                rest = rest[number:]
                break
        else:
            raise ValueError("an integer of more than 60 bits")
    return found


def times(moments: Sequence[int], *, encoding: int | None = None, exponent: int = 0) -> bytes:
    """Return encoded times; `encoding` 0 is raw, 1 packed, 2 a run, None the one that InfluxDB takes."""
    deltas = [after - before for before, after in pairwise(moments)]
    if encoding is None:
        run = len(deltas) > 0 and len(set(deltas)) == 1
        encoding = 2 if run else 1 if all(delta <= MOST_PACKED for delta in deltas) else 0
        if encoding:
            exponent = next(x for x in range(12, -1, -1) if all(delta % 10**x == 0 for delta in deltas))
    head = bytes([encoding << 4 | exponent]) + (moments[0] & 2**64 - 1).to_bytes(8)
    if encoding == 0:
        return head + b"".join(delta.to_bytes(8) for delta in deltas)
    if encoding == 1:
        return head + packed([delta // 10**exponent for delta in deltas])
    return head + uvarint(deltas[0] // 10**exponent) + uvarint(len(moments))


def zigzag(number: int) -> int:
    return (number << 1 ^ number >> 63) & 2**64 - 1


def signed(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


def integers(values: Sequence[int]) -> bytes:
    """Return encoded integers, in the encoding that InfluxDB takes."""
    deltas = [zigzag(signed(after - before)) for before, after in pairwise(values)]
    first = zigzag(values[0]).to_bytes(8)
    if len(deltas) > 1 and len(set(deltas)) == 1:
        return b"\x20" + first + uvarint(deltas[0]) + uvarint(len(deltas))
    if any(delta > MOST_PACKED for delta in deltas):
        return b"\x00" + first + b"".join(delta.to_bytes(8) for delta in deltas)
    return b"\x10" + first + packed(deltas)


def booleans(values: Sequence[bool]) -> bytes:
    bits = "".join("01"[value] for value in values)
    bits += "0" * (-len(bits) % 8)
    return b"\x10" + uvarint(len(values)) + int(bits, 2).to_bytes(len(bits) // 8)


def strings(values: Sequence[str]) -> bytes:
    texts = [value.encode() for value in values]
    plain = b"".join(uvarint(len(text)) + text for text in texts)
    return b"\x10" + bytes(cramjam.snappy.compress_raw(plain))


def block(kind: int, moments: bytes, values: bytes) -> bytes:
    """Return a block as it stands in a file, with its checksum."""
    data = bytes([kind]) + uvarint(len(moments)) + moments + values
    return zlib.crc32(data).to_bytes(4) + data
