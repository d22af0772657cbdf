"""Shards of several files, compared and decoded."""

import io
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import encoding
from tests.support.tsm_files import Columns, Memory, block, file_bytes, tsm_file
from tstats.errors import TsmError
from tstats.influx.shards.blocks import ValueKind
from tstats.influx.shards.compare import ComparedKey, KeyVerdict, compare
from tstats.influx.shards.decode import batches, decode_keys
from tstats.influx.shards.shard import ShardKey, shard_keys
from tstats.influx.shards.tsm import IndexEntry, TsmFile
from tstats.influx.shards.writer import TsmWriter

POINTS = st.dictionaries(st.integers(0, 30), st.sampled_from([0.0, 1.0, 2.5]), min_size=1, max_size=6)
FILES = st.lists(
    st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), POINTS, min_size=1), min_size=1, max_size=4
)


def keys_of(*files: Columns) -> list[ShardKey]:
    names = (f"{number:09}-000000001.tsm" for number in range(len(files)))
    return list(shard_keys(list(map(tsm_file, files, names))))


def decoded(keys: list[ShardKey]) -> dict[bytes, dict[int, float]]:
    points = decode_keys(keys)
    columns = (dict(zip(column.times.tolist(), column.values.tolist(), strict=True)) for column in points)
    return dict(zip([key.key for key in keys], columns, strict=True))


@given(FILES)
def test_later_files_win_where_blocks_overlap(files: list[dict[bytes, dict[int, float]]]) -> None:
    expected: dict[bytes, dict[int, float]] = {}
    for file in files:
        for key, points in file.items():
            expected.setdefault(key, {}).update(points)
    keys = keys_of(*[{key: [points] for key, points in file.items()} for file in files])
    assert [key.key for key in keys] == sorted(expected)
    assert decoded(keys) == expected
    for merged in keys:
        assert (merged.first, merged.last) == (min(expected[merged.key]), max(expected[merged.key]))
        if not merged.overlaps:
            assert merged.points() == len(expected[merged.key])


@pytest.mark.parametrize(
    ("files", "overlaps"),
    [
        ([{b"a": [{1: 1.0, 2: 1.0}, {3: 1.0}]}], False),
        ([{b"a": [{3: 1.0}]}, {b"a": [{1: 1.0, 2: 1.0}]}], False),
        ([{b"a": [{1: 1.0}]}, {b"a": [{1: 1.0}]}], True),
        ([{b"a": [{1: 1.0, 9: 1.0}]}, {b"a": [{3: 1.0}]}, {b"a": [{5: 1.0}]}], True),
    ],
)
def test_overlaps_are_seen(files: list[Columns], *, overlaps: bool) -> None:
    (key,) = keys_of(*files)
    assert key.overlaps is overlaps


@given(FILES, FILES)
def test_equal_means_equal_points(
    left: list[dict[bytes, dict[int, float]]], right: list[Mapping[bytes, dict[int, float]]]
) -> None:
    sides = [
        keys_of(*[{key: [points] for key, points in file.items()} for file in side]) for side in (left, right)
    ]
    found = list(compare(*sides))
    lefts, rights = map(decoded, sides)
    assert [pair.key for pair in found] == sorted({*lefts, *rights})
    for pair in found:
        key = pair.key
        if pair.verdict is KeyVerdict.EQUAL:
            assert lefts[key] == rights[key]
        assert (pair.left is None) == (key not in lefts) == (pair.verdict is KeyVerdict.ONLY_RIGHT)
        assert (pair.right is None) == (key not in rights) == (pair.verdict is KeyVerdict.ONLY_LEFT)


def test_the_same_blocks_are_equal_and_a_single_bit_is_not() -> None:
    first = {b"a": [{1: 1.0, 2: 2.0}], b"b": [{1: 1.0}]}
    second = {b"a": [{1: 1.0, 2: 2.0}], b"b": [{1: -1.0}]}
    assert [pair.verdict for pair in compare(keys_of(first), keys_of(first))] == ["equal", "equal"]
    assert [pair.verdict for pair in compare(keys_of(first), keys_of(second))] == ["equal", "different"]


def test_batches_are_bounded_and_whole() -> None:
    keys = keys_of({bytes([97 + n]): [{time: 0.1 * time for time in range(50)}] for n in range(10)})
    compared = [ComparedKey(key.key, KeyVerdict.ONLY_LEFT, key, None) for key in keys]
    found = list(batches(compared, most_points=3 * 50))
    assert [len(batch) for batch in found] == [3, 3, 3, 1]
    assert [pair for batch in found for pair in batch] == compared
    assert [len(batch) for batch in batches(compared, most_bytes=2 * keys[0].size + 1)] == [2] * 5
    assert [len(batch) for batch in batches(compared, most_points=1)] == [1] * 10
    assert list(batches([])) == []


def test_a_damaged_block_is_named() -> None:
    content = file_bytes({b"a": [{1: 1.0}]}).replace(b"\x3f\xf0", b"\x3f\xf1")
    (key,) = shard_keys([TsmFile("x.tsm", Memory(content))])
    with pytest.raises(TsmError, match=r"x.tsm, block at byte 5: a block with a wrong checksum"):
        decode_keys([key])


def test_a_key_of_two_types_is_refused() -> None:
    """InfluxDB has one type per field and shard; after a wrong upload it would have lost the shard."""
    numbers = tsm_file({b"a": [{1: 1.0}]}, "000000001-000000001.tsm")
    out = io.BytesIO()
    writer = TsmWriter(out)
    content = encoding.block(ValueKind.INTEGER, encoding.times([5]), encoding.integers([1]))
    writer.add(b"a", ValueKind.INTEGER, [(IndexEntry(5, 5, 0, 0), content)])
    writer.finish()
    with pytest.raises(TsmError, match="two types in one shard"):
        list(shard_keys([numbers, TsmFile("000000002-000000001.tsm", Memory(out.getvalue()))]))


def test_a_block_with_other_times_than_its_entry_is_refused() -> None:
    entry, content = block({1: 1.0, 2: 2.0})
    out = io.BytesIO()
    writer = TsmWriter(out)
    writer.add(b"a", ValueKind.FLOAT, [(entry._replace(last=3), content)])
    writer.finish()
    with pytest.raises(TsmError, match=r"x.tsm is damaged: key b'a' has other times"):
        decode_keys(list(shard_keys([TsmFile("x.tsm", Memory(out.getvalue()))])))
