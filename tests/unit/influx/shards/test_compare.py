"""Shards of several files, compared and decoded."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tsm_files import Columns, Memory, file_bytes, tsm_file
from tstats.errors import TsmError
from tstats.influx.shards.compare import Compared, KeyVerdict, compare
from tstats.influx.shards.decode import batches, decode_keys
from tstats.influx.shards.shard import ShardKey, shard_keys
from tstats.influx.shards.tsm import TsmFile

POINTS = st.dictionaries(st.integers(0, 30), st.sampled_from([0.0, 1.0, 2.5]), min_size=1, max_size=6)
FILES = st.lists(
    st.dictionaries(st.sampled_from([b"a", b"b", b"c"]), POINTS, min_size=1), min_size=1, max_size=4
)


def keys_of(*files: Columns) -> list[ShardKey]:
    return list(shard_keys([tsm_file(one, f"{number:09}-000000001.tsm") for number, one in enumerate(files)]))


def decoded(keys: list[ShardKey]) -> dict[bytes, dict[int, float]]:
    points = decode_keys(keys)
    return {key.key: dict(zip(*map(list, one), strict=True)) for key, one in zip(keys, points, strict=True)}


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
    assert [each.key for each in found] == sorted({*lefts, *rights})
    for each in found:
        key = each.key
        if each.verdict is KeyVerdict.EQUAL:
            assert lefts[key] == rights[key]
        assert (each.left is None) == (key not in lefts) == (each.verdict is KeyVerdict.ONLY_RIGHT)
        assert (each.right is None) == (key not in rights) == (each.verdict is KeyVerdict.ONLY_LEFT)


def test_the_same_blocks_are_equal_and_a_single_bit_is_not() -> None:
    one = {b"a": [{1: 1.0, 2: 2.0}], b"b": [{1: 1.0}]}
    other = {b"a": [{1: 1.0, 2: 2.0}], b"b": [{1: -1.0}]}
    assert [each.verdict for each in compare(keys_of(one), keys_of(one))] == ["equal", "equal"]
    assert [each.verdict for each in compare(keys_of(one), keys_of(other))] == ["equal", "different"]


def test_batches_are_bounded_and_whole() -> None:
    keys = keys_of({bytes([97 + n]): [{time: 0.1 * time for time in range(50)}] for n in range(10)})
    compared = [Compared(key.key, KeyVerdict.ONLY_LEFT, key, None) for key in keys]
    size = keys[0].size
    found = list(batches(compared, most=3 * size))
    assert [len(batch) for batch in found] == [3, 3, 3, 1]
    assert [each for batch in found for each in batch] == compared
    assert [len(batch) for batch in batches(compared, most=1)] == [1] * 10
    assert list(batches([])) == []


def test_a_damaged_block_is_named() -> None:
    content = file_bytes({b"a": [{1: 1.0}]}).replace(b"\x3f\xf0", b"\x3f\xf1")
    (key,) = shard_keys([TsmFile("x.tsm", Memory(content))])
    with pytest.raises(TsmError, match=r"x.tsm, block at byte 5: a block with a wrong checksum"):
        decode_keys([key])
