"""The comparison of two streams against the simplest model of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.errors import ServerError
from tstats.influx.rows import Row, SeriesRows, series_key
from tstats.sync.merge import Merge, Policy

FIELDS = 2
Sides = dict[str, dict[int, list[Any]]]

numbers = st.integers(-2, 2).map(float)
values = st.tuples(st.none() | numbers, st.none() | st.sampled_from(["a", "b"])).filter(
    lambda row: row != (None, None)
)
sides = st.dictionaries(
    st.sampled_from(["", "a", "a b", "b", "ä"]),
    st.dictionaries(st.integers(0, 8), values.map(list), min_size=1, max_size=8),
    max_size=4,
)
policies = st.sampled_from(list(Policy))


def stream(side: Sides, chunk: int) -> Iterator[SeriesRows]:
    for tag in sorted(side):
        rows: list[Row] = [(time, *side[tag][time]) for time in sorted(side[tag])]
        for start in range(0, len(rows), chunk):
            tags = {"t": tag}
            yield SeriesRows(key=series_key(tags), tags=tags, rows=rows[start : start + chunk])


def healed(ours: Sides, theirs: Sides, policy: Policy) -> Sides:
    result = {tag: {time: list(row) for time, row in rows.items()} for tag, rows in theirs.items()}
    for tag, rows in ours.items():
        for time, row in rows.items():
            held = result.setdefault(tag, {}).setdefault(time, [None] * FIELDS)
            for place, value in enumerate(row):
                if value is None:
                    continue
                if held[place] is None or policy is Policy.SOURCE:
                    held[place] = value
                elif policy is Policy.MAX and not isinstance(value, str):
                    held[place] = max(value, held[place])
    return result


def written(side: Sides, rows: list[tuple[str, Row]]) -> Sides:
    result = {tag: {time: list(row) for time, row in held.items()} for tag, held in side.items()}
    for tag, (time, *given_values) in rows:
        held = result.setdefault(tag, {}).setdefault(time, [None] * FIELDS)
        for place, value in enumerate(given_values):
            held[place] = held[place] if value is None else value
    return result


@given(ours=sides, theirs=sides, policy=policies, chunks=st.tuples(st.integers(1, 9), st.integers(1, 9)))
def test_what_is_written_makes_the_target_what_the_policy_says(
    ours: Sides, theirs: Sides, policy: Policy, chunks: tuple[int, int]
) -> None:
    merge = Merge(policy=policy, both_ways=False, fields=FIELDS)
    found = [one for one, _ in merge.differences(stream(ours, chunks[0]), stream(theirs, chunks[1])) if one]
    assert not any(one.to_source for one in found)
    to_target = [(one.tags["t"], row) for one in found for row in one.to_target]
    after = written(theirs, to_target)
    assert after == healed(ours, theirs, policy)
    for tag, row in to_target:  # nothing is written that is there already
        held = theirs.get(tag, {}).get(row[0], [None] * FIELDS)
        assert all(value is None or value != held[place] for place, value in enumerate(row[1:]))
    left = [pair for one in found for pair in one.left]
    expected = {
        (tag, time) for tag in after for time, row in after[tag].items() if ours.get(tag, {}).get(time) != row
    }
    assert len(left) == len(expected)


@given(
    ours=sides, theirs=sides, policy=st.sampled_from([Policy.MAX, Policy.MISSING]), chunk=st.integers(1, 9)
)
def test_both_ways_gives_each_side_what_it_lacks(
    ours: Sides, theirs: Sides, policy: Policy, chunk: int
) -> None:
    merge = Merge(policy=policy, both_ways=True, fields=FIELDS)
    found = [one for one, _ in merge.differences(stream(ours, chunk), stream(theirs, 3)) if one]
    target = written(theirs, [(one.tags["t"], row) for one in found for row in one.to_target])
    source = written(ours, [(one.tags["t"], row) for one in found for row in one.to_source])
    assert target == healed(ours, theirs, policy)
    assert source == healed(theirs, ours, policy)


@given(ours=sides, theirs=sides, policy=policies)
def test_every_row_of_both_sides_is_read_once(ours: Sides, theirs: Sides, policy: Policy) -> None:
    merge = Merge(policy=policy, both_ways=False, fields=FIELDS)
    read = sum(rows for _, rows in merge.differences(stream(ours, 2), stream(theirs, 3)))
    assert read == sum(len(rows) for side in (ours, theirs) for rows in side.values())


def differences(ours: Sides, theirs: Sides, policy: Policy = Policy.MAX) -> dict[str, int]:
    merge = Merge(policy=policy, both_ways=False, fields=FIELDS)
    found = [one for one, _ in merge.differences(stream(ours, 9), stream(theirs, 9)) if one]
    names = ("missing", "lower", "ahead", "only_in_target")
    return {name: total for name in names if (total := sum(getattr(one, name) for one in found))}


def test_each_difference_is_counted_by_its_kind() -> None:
    assert differences({"a": {1: [0.0, None]}}, {}) == {"missing": 1}
    assert differences({"a": {1: [0.0, "x"]}}, {"a": {1: [0.0, None]}}) == {"missing": 1}
    assert differences({"a": {1: [2.0, None]}}, {"a": {1: [1.0, None]}}) == {"lower": 1}
    assert differences({"a": {1: [1.0, None]}}, {"a": {1: [2.0, None]}}) == {"ahead": 1}
    assert differences({}, {"a": {1: [2.0, None]}}) == {"only_in_target": 1}
    assert differences({"a": {1: [None, "x"]}}, {"a": {1: [None, "y"]}}) == {"ahead": 1}
    assert differences({"a": {1: [None, "x"]}}, {"a": {1: [None, "y"]}}, Policy.SOURCE) == {"lower": 1}


def test_series_out_of_order_are_an_error_instead_of_a_wrong_comparison() -> None:
    pieces = [SeriesRows(key=key, tags={"t": key}, rows=[(1, 1.0, None)]) for key in ("b", "a")]
    merge = Merge(policy=Policy.MAX, both_ways=False, fields=FIELDS)
    with pytest.raises(ServerError, match="out of order"):
        list(merge.differences(iter(pieces), iter([])))
