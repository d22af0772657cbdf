"""Times and integers: whatever a simple encoder makes of them is read back."""

from contextlib import suppress
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import encoding
from tstats.errors import TsmError
from tstats.influx.shards import simple8b
from tstats.influx.shards.integers import MOST_POINTS, count_times, decode_integers, decode_times

NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5) | st.sampled_from([-(2**63), 2**63 - 1])
COLUMNS = st.lists(
    st.lists(NUMBERS, min_size=1, max_size=50) | st.lists(st.integers(0, 1), min_size=1, max_size=300),
    min_size=1,
    max_size=8,
)
STEPS = st.integers(1, 2**40) | st.integers(1, 3) | st.sampled_from([10**9, 60 * 10**9, 2**60, 2**61])


@given(COLUMNS)
def test_integers(columns: list[list[int]]) -> None:
    assert [column.tolist() for column in decode_integers(list(map(encoding.integers, columns)))] == columns


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**62), 0),
            st.lists(STEPS, max_size=4) | st.lists(STEPS, max_size=1).map(lambda steps: steps * 200),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_times_as_influxdb_encodes_them(columns: list[tuple[int, list[int]]]) -> None:
    moments = [
        list(accumulate(steps[:4] if max(steps, default=0) > 2**40 else steps, initial=start))
        for start, steps in columns
    ]
    moments = [[moment for moment in column if moment < 2**63] for column in moments]
    encoded = [encoding.times(column) for column in moments]
    assert [column.tolist() for column in decode_times(encoded)] == moments
    assert [count_times(column) for column in encoded] == [len(column) for column in moments]


@pytest.mark.parametrize("encoding_number", [0, 1, 2])
@pytest.mark.parametrize("exponent", [0, 3, 9, 12])
@pytest.mark.parametrize("length", [2, 3, 240, 241, 999, 1_000])
def test_each_encoding_of_times(encoding_number: int, exponent: int, length: int) -> None:
    moments = [-(10**12) + n * 10**12 for n in range(length)]
    encoded = encoding.times(moments, encoding=encoding_number, exponent=exponent)
    assert decode_times([encoded])[0].tolist() == moments
    assert count_times(encoded) == length


@pytest.mark.parametrize("selector", range(16))
def test_each_selector(selector: int) -> None:
    numbers = (240, 120, 60, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1)
    bits = (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 60)
    number, most = numbers[selector], 2 ** bits[selector] - 1
    integers = [1] * number if selector < 2 else [most - n % 2 * most for n in range(number)]
    packed = encoding.packed(integers, first_selector=selector)
    assert packed[0] >> 4 == selector
    assert len(packed) == 8
    assert simple8b.unpack([packed, packed * 2, b""], most=500)[1].tolist() == integers * 2
    assert simple8b.count(simple8b.words(packed)) == number


def test_each_part_has_whole_words() -> None:
    with pytest.raises(TsmError, match="end within a word"):
        simple8b.unpack([bytes(4), bytes(4)], most=500)


def test_times_have_to_ascend() -> None:
    with pytest.raises(TsmError, match="ascending"):
        decode_times([encoding.times([5, 5], encoding=0)])


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x00",
        b"\x10" + bytes(7),
        b"\x30" + bytes(8),
        b"\x00" + bytes(9),
        b"\x10" + bytes(12),
        b"\x20" + bytes(8),
        b"\x20" + bytes(8) + b"\x01",
        b"\x20" + bytes(8) + b"\xff" * 12,
        b"\x20" + bytes(8) + b"\x01" + encoding.uvarint(2**40),
        b"\x20" + bytes(8) + b"\x01" + encoding.uvarint(MOST_POINTS + 1),
        b"\x10" + bytes(8) * (MOST_POINTS // 240 + 3),
        b"\x00" + bytes(8) * (MOST_POINTS + 1),
    ],
)
def test_damaged_integers_are_refused(damaged: bytes) -> None:
    for decode in (lambda block: decode_times([block]), lambda block: decode_integers([block]), count_times):
        with pytest.raises(TsmError):
            decode(damaged)


@settings(max_examples=300)
@given(st.integers(0, 3), st.binary(max_size=60))
def test_any_bytes_are_integers_or_refused(number: int, rest: bytes) -> None:
    block = bytes([number << 4]) + rest
    try:
        times = decode_times([block])[0]
    except TsmError:
        pass
    else:
        assert count_times(block) == len(times)
    with suppress(TsmError):
        assert 0 < len(decode_integers([block])[0]) <= MOST_POINTS
