"""Half-open windows of time `[start, end)`, in whole nanoseconds since the epoch (UTC).

Windows partition a range exactly: each moment of it lies in one window, and no window reaches beyond it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from tstats.core.schema import DAY, HOUR, MINUTE

# InfluxDB cuts time into shards from Monday 0001-01-01, so that shards of a week begin on Mondays.
# Source: Go's time.Truncate, which the server uses; 719162 days lie between that day and 1970-01-01.
SHARD_ORIGIN = -719162 * DAY

# The first and last moment that InfluxDB 1.x can store. Source: influxql.MinTime and MaxTime.
EARLIEST = -(2**63) + 2
LATEST = 2**63 - 2

# Where a window is cut in two, a whole one of these is kept whole, if that can be.
_CUTS = (DAY, HOUR, MINUTE, 1)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Window:
    """The moments from `start` up to, but without, `end`.

    >>> [str(half) for half in Window(start=0, end=3 * HOUR).halves()]
    ['1970-01-01T00:00:00Z/1970-01-01T01:00:00Z', '1970-01-01T01:00:00Z/1970-01-01T03:00:00Z']

    Raises:
        ValueError: it would be empty.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"a window ends after its start: [{self.start}, {self.end})")

    def __str__(self) -> str:
        return f"{timestamp(self.start)}/{timestamp(self.end)}"

    @property
    def length(self) -> int:
        """In nanoseconds; at least 1."""
        return self.end - self.start

    def overlap(self, other: "Window") -> "Window | None":
        """The moments that lie in both; None where there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Window(start=start, end=end) if start < end else None

    def halves(self) -> tuple["Window", ...]:
        """Two windows that are this one, cut at a whole day, hour or minute near its middle.

        A window of one nanosecond comes back alone.
        """
        for unit in _CUTS:
            cut = (self.start + self.end) // 2 // unit * unit
            if self.start < cut:
                return Window(start=self.start, end=cut), Window(start=cut, end=self.end)
            if cut + unit < self.end:
                return Window(start=self.start, end=cut + unit), Window(start=cut + unit, end=self.end)
        return (self,)


def partition(window: Window, length: int, *, origin: int = SHARD_ORIGIN) -> Iterator[Window]:
    """The window in pieces of `length` ns that begin at whole multiples of it, counted from `origin`.

    The first and the last piece are cut to the window.

    Raises:
        ValueError: the length is not positive.
    """
    if length <= 0:
        raise ValueError(f"pieces have a length, not {length}")
    start = window.start
    while start < window.end:
        end = min(window.end, (start - origin) // length * length + length + origin)
        yield Window(start=start, end=end)
        start = end


def stretches(within: Window, extents: Iterable[Window], *, longest: int) -> list[Window]:
    """The parts of `within` where `extents` lie, oldest first, cut at every edge of an extent.

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
    """The windows of `step` ns that begin at `moments`, in order, neighbours joined into one."""
    found: list[Window] = []
    for moment in sorted(moments):
        if found and found[-1].end == moment:
            found[-1] = Window(start=found[-1].start, end=moment + step)
        else:
            found.append(Window(start=moment, end=moment + step))
    return found


def timestamp(moment: int) -> str:
    """A moment as RFC 3339 in UTC, in whole seconds where it is one; exact otherwise.

    >>> timestamp(1_500_000_000_000_000_001)
    '2017-07-14T02:40:00.000000001Z'
    """
    days, rest = divmod(moment, DAY)
    year, month, day = _civil(days)
    seconds, nanoseconds = divmod(rest, 10**9)
    fraction = f".{nanoseconds:09d}" if nanoseconds else ""
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day since the epoch, without the bounds of `datetime`.

    Source: the proleptic Gregorian calendar, in eras of 400 years that begin on the first of March.
    """
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 (March is month 0)
    return year + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1  # noqa: PLR2004 (the same)
