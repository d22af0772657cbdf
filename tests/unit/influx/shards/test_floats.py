"""Floats: whatever a simple encoder makes of them, both decoders read back bit by bit."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import encoding
from tstats.errors import TsmError
from tstats.influx.shards.floats import decode_floats

ANY = (
    st.floats(allow_nan=False) | st.integers(0, 5).map(float) | st.sampled_from([-0.0, 5e-324, 1.7e308, 1.0])
)
MANY = 60  # lanes: enough for them to be decoded in lockstep


def bits(values: Sequence[float]) -> list[int]:
    return [encoding.float_bits(value) for value in values]


@given(st.lists(st.lists(ANY, min_size=1, max_size=40), min_size=1, max_size=10))
def test_few_blocks(columns: list[list[float]]) -> None:
    decoded = decode_floats(list(map(encoding.floats, columns)), list(map(len, columns)))
    assert [bits(column.tolist()) for column in decoded] == [bits(column) for column in columns]


@settings(max_examples=40)
@given(st.lists(st.lists(ANY, min_size=1, max_size=40), min_size=1, max_size=10))
def test_many_blocks_of_different_lengths(columns: list[list[float]]) -> None:
    columns = columns * MANY
    decoded = decode_floats(list(map(encoding.floats, columns)), list(map(len, columns)))
    assert [bits(column.tolist()) for column in decoded] == [bits(column) for column in columns]


@pytest.mark.parametrize("lanes", [1, MANY])
def test_all_lengths_up_to_a_thousand(lanes: int) -> None:
    values = [
        struct.unpack(">d", struct.pack(">Q", n * 0x9E3779B97F4A7C15 >> 2 & 2**62 - 1))[0]
        for n in range(1_000)
    ]
    lengths = [1_000] if lanes == 1 else [1, 2, 999, 1_000, *range(3, 999, 7)]
    decoded = decode_floats([encoding.floats(values[:length]) for length in lengths], lengths)
    assert [bits(column.tolist()) for column in decoded] == [bits(values[:length]) for length in lengths]


def test_one_long_block_among_many_short_ones() -> None:
    columns = [[1.5, 2.5], *[[0.5]] * MANY, [float(n) for n in range(10_000)]]
    decoded = decode_floats(list(map(encoding.floats, columns)), list(map(len, columns)))
    assert [column.tolist() for column in decoded] == columns


GOOD = encoding.floats([1.0, 2.5, 2.5, -7.25])


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (b"", 1),
        (GOOD[:8], 1),
        (b"\x20" + GOOD[1:], 4),
        (GOOD, 3),  # more values than the times say
        (GOOD, 5),  # fewer
        (GOOD[:-1], 4),
        (GOOD[:9], 4),
        (b"\x10" + bytes(8) + b"\xff\xff" + bytes(40), 4),  # 31 leading zeros and 63 bits
        (b"\x10" + bytes(8) + bytes(2), 4),  # the end is missing
    ],
)
@pytest.mark.parametrize("lanes", [1, MANY])
def test_a_damaged_block_is_refused(block: bytes, count: int, lanes: int) -> None:
    blocks, counts = [GOOD] * lanes, [4] * lanes
    blocks[lanes // 2], counts[lanes // 2] = block, count
    with pytest.raises(TsmError, match="block of floats"):
        decode_floats(blocks, counts)


@settings(max_examples=300)
@given(st.binary(min_size=0, max_size=60), st.integers(1, 400), st.sampled_from([1, MANY]))
def test_any_bytes_decode_alike_or_are_refused(rest: bytes, count: int, lanes: int) -> None:
    """Both decoders agree on what is damaged."""
    block = GOOD[:9] + rest

    def decoded(times: int) -> list[int] | None:
        try:
            return bits(decode_floats([block] * times, [count] * times)[0].tolist())
        except TsmError:
            return None

    assert decoded(lanes) == decoded(1)
