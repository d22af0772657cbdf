"""Half-open windows of time `[start, end)`, in whole nanoseconds since the epoch (UTC).

Windows partition a range exactly: each moment lies in exactly one window, and none reaches beyond the range.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tstats.core.time import DAY, EARLIEST, HOUR, LATEST, MINUTE, format_time

# InfluxDB cuts time into shards from Monday 0001-01-01, so that shards of a week begin on Mondays.
# Source: Go's time.Truncate, which the server uses; 719162 days lie between that day and 1970-01-01.
SHARD_ORIGIN = -719162 * DAY

# A window is cut in two at a multiple of the first of these that fits.
_CUTS = (DAY, HOUR, MINUTE, 1)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Window:
    """The time from `start` up to, but not including, `end`.

    >>> [str(half) for half in Window(start=0, end=3 * HOUR).halves()]
    ['1970-01-01T00:00:00Z/1970-01-01T01:00:00Z', '1970-01-01T01:00:00Z/1970-01-01T03:00:00Z']

    Raises:
        ValueError: it would be empty.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"invalid window [{self.start}, {self.end}): it must end after its start")

    def __str__(self) -> str:
        return f"{format_time(self.start)}/{format_time(self.end)}"

    @property
    def length(self) -> int:
        """The length in nanoseconds; at least 1."""
        return self.end - self.start

    def overlap(self, other: "Window") -> "Window | None":
        """Return the time that lies in both windows; None where there is none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start=start, end=end) if start < end else None

    def halves(self) -> tuple["Window", ...]:
        """Return the two halves of this window, cut at a whole day, hour or minute near its middle.

        A window of one nanosecond is returned alone.
        """
        for unit in _CUTS:
            cut = (self.start + self.end) // 2 // unit * unit
            if self.start < cut:
                return Window(start=self.start, end=cut), Window(start=cut, end=self.end)
            if cut + unit < self.end:
                return Window(start=self.start, end=cut + unit), Window(start=cut + unit, end=self.end)
        return (self,)


ALL_TIME = Window(start=EARLIEST, end=LATEST + 1)
"""All times that InfluxDB can store, the last one included."""


def partition(window: Window, length: int, *, origin: int = SHARD_ORIGIN) -> Iterator[Window]:
    """Yield a window in pieces of `length` ns that start at whole multiples of it, counted from `origin`.

    The first and the last piece are cut to the window.

    Raises:
        ValueError: the length is not positive.
    """
    if length <= 0:
        raise ValueError(f"invalid length {length}")
    start = window.start
    while start < window.end:
        end = min(window.end, (start - origin) // length * length + length + origin)
        yield Window(start=start, end=end)
        start = end


def cut_at_edges(within: Window, extents: Iterable[Window], *, longest: int) -> list[Window]:
    """Return the parts of `within` that `extents` cover, oldest first, cut at every edge of an extent.

    No part reaches over an edge, so that each lies in one shard of each side; none is longer than
    `longest` ns, and longer ones are cut at whole multiples of it.
    """
    clipped = sorted({part for extent in extents if (part := within.overlap(extent))})
    edges = sorted({edge for part in clipped for edge in (part.start, part.end)})
    found: list[Window] = []
    reach, waiting = within.start, iter(clipped)
    current = next(waiting, None)
    for start, end in pairwise(edges):
        while current is not None and current.start <= start:
            reach = max(reach, current.end)
            current = next(waiting, None)
        if reach > start:
            found.extend(partition(Window(start=start, end=end), longest))
    return found


def runs(moments: Iterable[int], *, step: int) -> list[Window]:
    """Return the windows of `step` ns that start at `moments`, in order, neighbours joined into one."""
    found: list[Window] = []
    for moment in sorted(moments):
        if found and found[-1].end == moment:
            found[-1] = Window(start=found[-1].start, end=moment + step)
        else:
            found.append(Window(start=moment, end=moment + step))
    return found
