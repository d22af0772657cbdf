"""Which windows of which rollup may be looked at and recomputed, in which order, and in what pieces.

Three parts of time are not ours:

- what has not settled: the interval in progress, and the range that a continuous query still computes anew
  with every run (RESAMPLE FOR). A finished interval longer than a few minutes (a day) counts as settled a
  few minutes after its end: its continuous query looks at it again much later, and then writes the same;
- what has begun to expire in the source: it would be computed from a part of its points;
- what the target does not keep any more.
"""

from collections.abc import Iterable, Mapping, Sequence

from tstats.core.model import Rollup
from tstats.core.time import EARLIEST, HOUR, INFINITE, MINUTE
from tstats.core.windows import Window, partition

# Time for a continuous query to run, and for a batch that is on its way.
GRACE = MINUTE
# However far back a continuous query reaches, an interval so long past its end is looked at.
LONGEST_REWRITING = 4 * MINUTE
# A shard is dropped when its last point has expired; a statement that has begun by then must have ended.
EXPIRING = 10 * MINUTE
# In one statement: an hour of minutes, or so many of longer intervals.
_INTERVALS = 30

PolicyDurations = Mapping[tuple[str, str], int]
"""How long a retention policy keeps points, in ns, by database and policy; `INFINITE` for ever."""


def chained(rollups: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """The rollups with every source before what is made from it; the given order otherwise.

    Raises:
        ValueError: two are made from each other.
    """
    return tuple(rollup for level in levels(rollups) for rollup in level)


def levels(rollups: Iterable[Rollup]) -> list[list[Rollup]]:
    """The rollups in groups: none of a group is made from another of it, or from one of a later group.

    Raises:
        ValueError: two are made from each other.
    """
    waiting, found = list(rollups), list[list[Rollup]]()
    while waiting:
        made = {_made(rollup) for rollup in waiting}
        ready = [rollup for rollup in waiting if _origin(rollup) not in made]
        if not ready:
            raise ValueError(f"rollups made from each other: {', '.join(rollup.name for rollup in waiting)}")
        found.append(ready)
        waiting = [rollup for rollup in waiting if rollup not in ready]
    return found


def dependants(rollup: Rollup, rollups: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """The rollups that are computed from this one directly."""
    return tuple(other for other in rollups if _origin(other) == _made(rollup))


def down_the_chain(chosen: Iterable[Rollup], rollups: Sequence[Rollup]) -> tuple[Rollup, ...]:
    """The chosen rollups and all that is made from them: sources first, the order of `rollups` otherwise."""
    found = list(chosen)
    for rollup in found:  # it grows on the way
        found += [other for other in dependants(rollup, rollups) if other not in found]
    return tuple(rollup for rollup in chained(rollups) if rollup in found)


def _made(rollup: Rollup) -> tuple[str, str, str]:
    return rollup.database, rollup.target_policy, rollup.target


def _origin(rollup: Rollup) -> tuple[str, str, str]:
    return rollup.database, rollup.source_policy, rollup.source


def settled_until(rollup: Rollup, now: int) -> int:
    """The end of the last interval that only late points can still change."""
    rewriting = min(rollup.resample - rollup.interval, LONGEST_REWRITING)
    return (now - rewriting - GRACE) // rollup.interval * rollup.interval


def kept_from(rollup: Rollup, now: int, durations: PolicyDurations) -> int:
    """The start of the first interval whose source is whole and whose target is kept.

    The server drops whole shards, and only when all of one has expired. This is the more careful bound: no
    point of the interval has expired, nor will in the next minutes.

    Args:
        rollup: whose.
        now: in ns since the epoch.
        durations: of the policies of its database; one that is missing keeps for ever.
    """
    limits = [
        now - kept + EXPIRING
        for policy in (rollup.source_policy, rollup.target_policy)
        if (kept := durations.get((rollup.database, policy), INFINITE)) != INFINITE
    ]
    return -(-max(limits, default=EARLIEST) // rollup.interval) * rollup.interval


def ours(
    rollup: Rollup, asked: Window, *, now: int, durations: PolicyDurations, settled: bool = True
) -> Window | None:
    """What of the asked window may be looked at and recomputed: whole intervals; None where nothing may.

    Args:
        rollup: whose.
        asked: any window; the interval in which it begins is taken whole.
        now: in ns since the epoch.
        durations: as `kept_from` takes them.
        settled: leave to the continuous query what it still rewrites; False leaves it only the interval in
            progress.
    """
    until = settled_until(rollup, now) if settled else now // rollup.interval * rollup.interval
    start = max(asked.start // rollup.interval * rollup.interval, kept_from(rollup, now, durations))
    end = min(-(-asked.end // rollup.interval) * rollup.interval, until)
    return Window(start=start, end=end) if start < end else None


def merged(windows: Iterable[Window]) -> list[Window]:
    """The same moments in as few windows as can be, in order."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            found[-1] = Window(start=found[-1].start, end=max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def pieces(rollup: Rollup, windows: Iterable[Window]) -> list[Window]:
    """The windows, neighbours joined, in pieces that one statement may have."""
    longest = HOUR if rollup.interval < HOUR else _INTERVALS * rollup.interval
    return [piece for window in merged(windows) for piece in partition(window, longest, origin=0)]


def halved(rollup: Rollup, window: Window) -> tuple[Window, ...]:
    """Two parts of whole intervals; the window alone where it has but one."""
    middle = (window.start + window.length // 2) // rollup.interval * rollup.interval
    if not window.start < middle < window.end:
        return (window,)
    return Window(start=window.start, end=middle), Window(start=middle, end=window.end)
