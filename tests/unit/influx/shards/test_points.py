"""The points of a key in two shards, compared one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tstats.influx.shards.blocks import KeyPoints
from tstats.influx.shards.points import diff_points

COLUMNS = st.dictionaries(st.integers(0, 12), st.sampled_from([0.0, -0.0, 1.5]), min_size=1)


def points(column: dict[int, float]) -> KeyPoints:
    times = sorted(column)
    return KeyPoints(np.array(times, np.int64), np.array([column[time] for time in times]))


@given(COLUMNS, COLUMNS)
def test_every_point_is_equal_or_named(left: dict[int, float], right: dict[int, float]) -> None:
    mine, yours = points(left), points(right)
    found = diff_points(mine, yours)
    assert mine.times[found.only_left].tolist() == sorted(left.keys() - right.keys())
    assert yours.times[found.only_right].tolist() == sorted(right.keys() - left.keys())
    unequal = sorted(time for time in left.keys() & right.keys() if repr(left[time]) != repr(right[time]))
    assert mine.times[found.left].tolist() == yours.times[found.right].tolist() == unequal
    assert found.differs == (points_of(left) != points_of(right))


def points_of(column: dict[int, float]) -> list[str]:
    return [f"{time} {column[time]!r}" for time in sorted(column)]


def test_other_types_always_differ() -> None:
    times = np.array([1, 2])
    found = diff_points(KeyPoints(times, np.array([1, 2])), KeyPoints(times, np.array([1.0, 2.0])))
    assert found.left.tolist() == [0, 1]


def test_strings() -> None:
    times = np.array([1, 2])
    texts = np.array(["a", ""], object), np.array(["a", "b"], object)
    assert diff_points(*(KeyPoints(times, text) for text in texts)).right.tolist() == [1]
