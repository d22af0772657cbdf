"""TSM files: what is written is read, and a damaged file is refused."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tsm_files import Memory, block, file_bytes, tsm_file
from tstats.errors import TsmError
from tstats.influx.shards.blocks import ValueKind, decode_blocks
from tstats.influx.shards.tsm import TsmFile
from tstats.influx.shards.writer import TsmWriter

KEYS = st.binary(min_size=1, max_size=20)
TWO = {b"a#!~#f": [{1: 1.0, 2: 2.0}, {3: 3.0}], b"b#!~#f": [{5: 1.0}]}


@given(
    st.dictionaries(
        KEYS, st.lists(st.floats(allow_nan=False), min_size=1, max_size=5), min_size=1, max_size=8
    )
)
def test_files_round_trip(values: dict[bytes, list[float]]) -> None:
    columns = {
        key: [{10 * place: value, 10 * place + 1: -value} for place, value in enumerate(column)]
        for key, column in values.items()
    }
    file = tsm_file(columns)
    index = list(file.index())
    assert [entry.key for entry in index] == sorted(columns)
    for entry in index:
        assert entry.kind is ValueKind.FLOAT
        decoded = decode_blocks(entry.kind, [file.block(place) for place in entry.blocks])
        assert [
            dict(zip(points.times.tolist(), points.values.tolist(), strict=True)) for points in decoded
        ] == columns[entry.key]
        assert [file.count(place) for place in entry.blocks] == [2] * len(columns[entry.key])


def test_an_index_of_many_pieces() -> None:
    """A key with more entries than are read at once, between two others."""
    columns = {
        b"a": [{0: 1.0}],
        b"b": [{place: 0.5} for place in range(20_000)],
        b"c": [{7: 1.0}],
    }
    assert [len(entry.blocks) for entry in tsm_file(columns).index()] == [1, 20_000, 1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not a TSM file"),
        (b"\x16\xd1\x16\xd1\x02" + bytes(30), "not a TSM file"),
        (b"\x16\xd1\x16\xd1\x01" + bytes(8), "the index begins at byte 0"),
        (b"\x16\xd1\x16\xd1\x01" + b"\xff" * 8, "the index begins at byte"),
    ],
)
def test_something_else(content: bytes, problem: str) -> None:
    with pytest.raises(TsmError, match=problem):
        TsmFile("x.tsm", Memory(content))


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_file_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(file_bytes(TWO))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 5))
    try:
        file = TsmFile("x.tsm", Memory(bytes(content[: len(content) - cut])))
        for entry in file.index():
            for place in entry.blocks:
                file.count(place)
            decode_blocks(entry.kind, [file.block(place) for place in entry.blocks])
    except TsmError:
        pass


def test_a_file_that_became_shorter_is_an_error() -> None:
    content = Memory(file_bytes(TWO))
    file = TsmFile("x.tsm", content)
    (entry, _) = file.index()
    content._content = content._content[:10]  # noqa: SLF001 (as if somebody had truncated it)
    with pytest.raises(TsmError, match="truncated at byte 10"):
        file.block(entry.blocks[0])


def test_the_writer_refuses_what_influxdb_would_serve_wrong() -> None:
    entry, content = block({1: 1.0, 2: 2.0})
    flipped = content[:-1] + bytes([content[-1] ^ 1])

    def added(*adding: tuple[bytes, ValueKind, list[tuple[object, bytes]]]) -> None:
        writer = TsmWriter(io.BytesIO())
        for key, kind, blocks in adding:
            writer.add(key, kind, blocks)  # type: ignore[arg-type]
        writer.finish()

    good: list[tuple[object, bytes]] = [(entry, content)]
    with pytest.raises(TsmError, match="wrong checksum"):
        added((b"a", ValueKind.FLOAT, [(entry, flipped)]))
    with pytest.raises(TsmError, match="another type than integer"):
        added((b"a", ValueKind.INTEGER, good))
    with pytest.raises(TsmError, match="overlap"):
        added((b"a", ValueKind.FLOAT, good + good))
    with pytest.raises(TsmError, match="out of order"):
        added((b"b", ValueKind.FLOAT, good), (b"a", ValueKind.FLOAT, good))
    with pytest.raises(TsmError, match="no blocks"):
        added((b"b", ValueKind.FLOAT, []))
    with pytest.raises(TsmError, match="without a key"):
        added()
