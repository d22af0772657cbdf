"""Blocks of each kind of value; and what is damaged is refused, whatever it is."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import encoding
from tstats.errors import TsmError
from tstats.influx.shards.blocks import HEAD, ValueKind, count_points, decode_blocks, times_end, verify

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
COLUMNS: dict[ValueKind, st.SearchStrategy[list[object]]] = {
    ValueKind.FLOAT: st.lists(st.floats(allow_nan=False), min_size=1, max_size=20),
    ValueKind.INTEGER: st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20),
    ValueKind.BOOLEAN: st.lists(st.booleans(), min_size=1, max_size=40),
    ValueKind.STRING: st.lists(TEXTS, min_size=1, max_size=20),
    ValueKind.UNSIGNED: st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20),
}
ENCODERS = {
    ValueKind.FLOAT: encoding.floats,
    ValueKind.INTEGER: encoding.integers,
    ValueKind.BOOLEAN: encoding.booleans,
    ValueKind.STRING: encoding.strings,
    ValueKind.UNSIGNED: lambda values: encoding.integers([encoding.signed(value) for value in values]),
}


def encoded(kind: ValueKind, values: list[object], *, step: int = 60) -> bytes:
    moments = encoding.times([1_000 + step * place for place in range(len(values))])
    return encoding.block(kind, moments, ENCODERS[kind](values))  # type: ignore[operator]


@pytest.mark.parametrize("kind", list(ValueKind))
@given(st.data())
def test_blocks_of_each_kind(kind: ValueKind, data: st.DataObject) -> None:
    columns = data.draw(st.lists(COLUMNS[kind], min_size=1, max_size=5))
    blocks = [encoded(kind, values) for values in columns]
    for values, block, (times, found, _) in zip(columns, blocks, decode_blocks(kind, blocks), strict=True):
        assert found.tolist() == values
        assert times.tolist() == [1_000 + 60 * place for place in range(len(values))]
        head = block[: times_end(block[:HEAD])]
        assert count_points(head, len(block)) == len(values)


@pytest.mark.parametrize("length", range(1, 18))
def test_booleans_of_every_length_within_two_bytes(length: int) -> None:
    values: list[object] = [place % 3 == 0 for place in range(length)]
    assert decode_blocks(ValueKind.BOOLEAN, [encoded(ValueKind.BOOLEAN, values)])[0].values.tolist() == values


def test_bytes_that_are_not_utf_8_come_through() -> None:
    texts = b"\x02\xff\x00"
    block = encoding.block(3, encoding.times([1]), b"\x10" + b"\x03" + b"\x08" + texts)
    (value,) = decode_blocks(ValueKind.STRING, [block])[0].values
    assert value.encode(errors="surrogateescape") == b"\xff\x00"


@pytest.mark.parametrize("block", [b"", b"1234", b"12345"])
def test_a_wrong_checksum(block: bytes) -> None:
    with pytest.raises(TsmError, match="checksum"):
        verify(block)


def test_a_block_of_another_kind_is_refused() -> None:
    with pytest.raises(TsmError, match="another type than integer"):
        decode_blocks(ValueKind.INTEGER, [encoded(ValueKind.FLOAT, [1.5])])


def test_a_bomb_of_snappy_is_refused() -> None:
    """A text that claims to become large is not unpacked."""
    block = encoding.block(3, encoding.times([1]), b"\x10" + encoding.uvarint(2**32 - 1) + b"\x00a")
    with pytest.raises(TsmError, match="block of strings"):
        decode_blocks(ValueKind.STRING, [block])


@pytest.mark.parametrize("kind", list(ValueKind))
@settings(max_examples=150)
@given(st.data())
def test_a_mutated_block_decodes_or_is_refused(kind: ValueKind, data: st.DataObject) -> None:
    """With a checksum that is right, so that the decoders see it."""
    good = bytearray(encoded(kind, data.draw(COLUMNS[kind]))[4:])
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    content = bytes(good[: len(good) - cut])
    block = zlib.crc32(content).to_bytes(4) + content
    try:
        (points,) = decode_blocks(kind, [block])
    except TsmError:
        return
    assert len(points.times) == len(points.values) > 0
