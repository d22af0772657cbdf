"""Unsigned integers of variable length, as Go's encoding/binary writes them."""

from tstats.errors import TsmError

_BITS = 64
_MORE = 0x80


def uvarint(data: bytes, at: int) -> tuple[int, int]:
    """Return the integer at a position, and the position after it.

    Raises:
        TsmError: it does not end within the data, or has more than 64 bits.
    """
    value = shift = 0
    while at < len(data) and shift < _BITS:
        byte = data[at]
        at += 1
        value |= (byte & ~_MORE) << shift
        if byte < _MORE:
            if value >> _BITS:
                break
            return value, at
        shift += 7
    raise TsmError("invalid integer of variable length")
