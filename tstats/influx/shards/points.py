"""The points of a key in two shards, compared one by one."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tstats.influx.shards.blocks import KeyPoints

Places = npt.NDArray[np.intp]


class PointsDiff(NamedTuple):
    """How the points of a key differ, as places in the arrays of each side, in order of time.

    Attributes:
        only_left: points of the left side at whose time the right side has none.
        only_right: points of the right side at whose time the left side has none.
        left: points of the left side for which the right side has another value at that time.
        right: those points of the right side; as many.
    """

    only_left: Places
    only_right: Places
    left: Places
    right: Places

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(len(self.only_left) or len(self.only_right) or len(self.left))


def diff_points(left: KeyPoints, right: KeyPoints) -> PointsDiff:
    """Return how the points of two sides differ.

    Floats are compared bit by bit, so that 0 and -0 differ. Values of different types always do.
    """
    if np.array_equal(left.times, right.times):
        lefts = rights = np.arange(len(left.times))
        nothing: Places = np.empty(0, np.intp)
        only_left = only_right = nothing
    else:
        _, lefts, rights = np.intersect1d(left.times, right.times, assume_unique=True, return_indices=True)
        only_left = np.delete(np.arange(len(left.times)), lefts)
        only_right = np.delete(np.arange(len(right.times)), rights)
    mine, yours = _bits(left.values[lefts]), _bits(right.values[rights])
    alike = left.values.dtype == right.values.dtype
    unequal = np.flatnonzero(mine != yours) if alike else np.arange(len(mine))
    return PointsDiff(only_left, only_right, lefts[unequal], rights[unequal])


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values.view(np.int64) if values.dtype == np.float64 else values
