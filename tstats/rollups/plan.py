"""Decides which windows of which rollups to check and recompute, in which order and in what pieces.

Three parts of time are left alone:

- what has not settled: the interval in progress, and the range that a continuous query still recomputes on
  every run (RESAMPLE FOR). A finished interval that is longer than a few minutes (a day) counts as settled a
  few minutes after its end: its continuous query gets back to it much later, and then writes the same;
- what has begun to expire in the source: it would be computed from only some of its points;
- what the target no longer keeps.
"""

from collections.abc import Iterable, Mapping, Sequence

from tstats.catalog import ROLLUPS, ROLLUPS_BY_NAME
from tstats.core.model import Rollup
from tstats.core.time import EARLIEST, HOUR, INFINITE, MINUTE
from tstats.core.windows import Window, partition
from tstats.errors import ConfigError

# Time for a continuous query to run, and for a batch that is on its way.
GRACE = MINUTE
# However far back a continuous query reaches, an interval that ended this long ago is checked.
LONGEST_REWRITE = 4 * MINUTE
# A shard is dropped when its last point has expired; a statement that is running by then must have ended.
EXPIRY_MARGIN = 10 * MINUTE
# The most that one statement covers: an hour of minutes, or this many longer intervals.
_INTERVALS = 30

PolicyDurations = Mapping[tuple[str, str], int]
"""How long each retention policy keeps points, in ns, by database and policy; `INFINITE` is forever."""

MeasurementPath = tuple[str, str, str]
"""Database, retention policy and measurement."""


def rollups_named(names: Iterable[str]) -> tuple[Rollup, ...]:
    """Return the rollups of the catalog with these names; all of them when no name is given.

    Raises:
        ConfigError: a name is unknown; the text lists the known ones.
    """
    wanted = tuple(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in ROLLUPS_BY_NAME]
    if unknown:
        raise ConfigError(f"unknown rollup {', '.join(unknown)}; choose from {', '.join(ROLLUPS_BY_NAME)}")
    return tuple(ROLLUPS_BY_NAME[name] for name in wanted) if wanted else ROLLUPS


def source_of(rollup: Rollup) -> MeasurementPath:
    """Return the measurement that a rollup is computed from."""
    return rollup.database, rollup.source_policy, rollup.source


def target_of(rollup: Rollup) -> MeasurementPath:
    """Return the measurement that a rollup is written to."""
    return rollup.database, rollup.target_policy, rollup.target


def sources_first(rollups: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """Return the rollups with each source before its dependents, otherwise in the given order.

    Raises:
        ValueError: two are computed from each other.
    """
    return tuple(rollup for level in levels(rollups) for rollup in level)


def levels(rollups: Iterable[Rollup]) -> list[list[Rollup]]:
    """Group the rollups so that each is computed only from rollups of earlier groups.

    Raises:
        ValueError: two are computed from each other.
    """
    waiting, found = list(rollups), list[list[Rollup]]()
    while waiting:
        targets = {target_of(rollup) for rollup in waiting}
        ready = [rollup for rollup in waiting if source_of(rollup) not in targets]
        if not ready:
            names = ", ".join(rollup.name for rollup in waiting)
            raise ValueError(f"rollups computed from each other: {names}")
        found.append(ready)
        waiting = [rollup for rollup in waiting if rollup not in ready]
    return found


def dependents(rollup: Rollup, rollups: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """Return the rollups that are computed directly from this one."""
    return tuple(other for other in rollups if source_of(other) == target_of(rollup))


def with_dependents(chosen: Iterable[Rollup], rollups: Sequence[Rollup]) -> tuple[Rollup, ...]:
    """Return the chosen rollups and everything computed from them, sources first."""
    found = list(chosen)
    for rollup in found:  # the list grows during the loop
        found += [other for other in dependents(rollup, rollups) if other not in found]
    return tuple(rollup for rollup in sources_first(rollups) if rollup in found)


def settled_until(rollup: Rollup, now: int) -> int:
    """Return the end of the last interval that only late points can still change."""
    rewrite = min(rollup.resample - rollup.interval, LONGEST_REWRITE)
    return (now - rewrite - GRACE) // rollup.interval * rollup.interval


def kept_from(rollup: Rollup, now: int, durations: PolicyDurations) -> int:
    """Return the start of the first interval whose source is complete and whose target is kept.

    The server drops whole shards, and only once all of a shard has expired. This bound is stricter: no point
    of the interval has expired, or will within the next minutes.

    Args:
        rollup: the rollup.
        now: ns since the epoch.
        durations: those of the policies of its database; a missing one counts as forever.
    """
    limits = [
        now - kept + EXPIRY_MARGIN
        for policy in (rollup.source_policy, rollup.target_policy)
        if (kept := durations.get((rollup.database, policy), INFINITE)) != INFINITE
    ]
    return -(-max(limits, default=EARLIEST) // rollup.interval) * rollup.interval


def repairable_window(
    rollup: Rollup, asked: Window, *, now: int, durations: PolicyDurations, settled: bool = True
) -> Window | None:
    """Return the whole intervals of `asked` that may be checked and recomputed; None if there are none.

    Args:
        rollup: the rollup.
        asked: any window; the intervals in which it starts and ends are included whole.
        now: ns since the epoch.
        durations: as for `kept_from`.
        settled: leave out what the continuous query still rewrites; False leaves out only the interval in
            progress.
    """
    until = settled_until(rollup, now) if settled else now // rollup.interval * rollup.interval
    start = max(asked.start // rollup.interval * rollup.interval, kept_from(rollup, now, durations))
    end = min(-(-asked.end // rollup.interval) * rollup.interval, until)
    return Window(start=start, end=end) if start < end else None


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return the fewest windows that cover the same moments, in order."""
    found: list[Window] = []
    for window in sorted(windows):
        if found and window.start <= found[-1].end:
            found[-1] = Window(start=found[-1].start, end=max(found[-1].end, window.end))
        else:
            found.append(window)
    return found


def pieces(rollup: Rollup, windows: Iterable[Window]) -> list[Window]:
    """Merge the windows and cut them into pieces that one statement can cover."""
    longest = HOUR if rollup.interval < HOUR else _INTERVALS * rollup.interval
    return [piece for window in merged(windows) for piece in partition(window, longest, origin=0)]


def halved(rollup: Rollup, window: Window) -> tuple[Window, ...]:
    """Cut a window into two of whole intervals; return it alone if it has only one interval."""
    middle = (window.start + window.length // 2) // rollup.interval * rollup.interval
    if not window.start < middle < window.end:
        return (window,)
    return Window(start=window.start, end=middle), Window(start=middle, end=window.end)
