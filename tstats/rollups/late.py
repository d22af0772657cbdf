"""Remembers the windows of data that was delivered late until their rollups are repaired."""

import threading
import time
from collections.abc import Callable, Sequence

from tstats.catalog import ROLLUPS
from tstats.core.model import Rollup
from tstats.core.time import MINUTE
from tstats.core.windows import Window
from tstats.rollups.plan import GRACE, LONGEST_REWRITE, merged, with_dependents
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport

# By this long after its end, a minute has settled in every rollup.
_SETTLING = LONGEST_REWRITE + GRACE


class LateWindows:
    """The windows in which data came late, by database.

    Safe for use by several threads. Its size is bounded: windows of one database are joined where they touch.
    What it holds is lost with the process; the hourly full check finds it again.

    Args:
        rollups: those of the catalog; the shortest RESAMPLE FOR of a database defines what is late.
        clock: ns since the epoch.
    """

    def __init__(
        self, rollups: Sequence[Rollup] = ROLLUPS, *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._reach: dict[str, int] = {}
        for rollup in rollups:
            reach = min(rollup.resample, self._reach.get(rollup.database, rollup.resample))
            self._reach[rollup.database] = reach
        self._clock = clock
        self._mutex = threading.Lock()
        self._windows: dict[str, list[Window]] = {}

    def add(self, database: str, window: Window) -> None:
        """Remember what came late of a batch that a server has just accepted.

        Args:
            database: the database that the batch went to.
            window: the window that its points lie in.
        """
        reach = self._reach.get(database)
        if reach is None:
            return
        # The next run of the continuous query recomputes from here; it may no longer see the minutes before.
        seen_from = (self._clock() - reach) // MINUTE * MINUTE + MINUTE
        start = window.start // MINUTE * MINUTE
        end = min(-(-window.end // MINUTE) * MINUTE, seen_from)
        if start >= end:
            return
        with self._mutex:
            windows = self._windows.get(database, [])
            self._windows[database] = merged([*windows, Window(start=start, end=end)])

    def take(self) -> list[tuple[str, Window]]:
        """Return the settled windows with their databases, and forget them; `give_back` those that fail."""
        settled = (self._clock() - _SETTLING) // MINUTE * MINUTE
        taken = []
        with self._mutex:
            for database, windows in self._windows.items():
                taken += [(database, window) for window in windows if window.end <= settled]
                self._windows[database] = [window for window in windows if window.end > settled]
        return taken

    def give_back(self, database: str, window: Window) -> None:
        """Remember a window again that could not be repaired."""
        with self._mutex:
            self._windows[database] = merged([*self._windows.get(database, []), window])


def repair_late(
    repair: RollupRepair, late: LateWindows, rollups: Sequence[Rollup] = ROLLUPS
) -> list[RollupReport]:
    """Repair the rollups of all settled late windows; those that fail are tried again at the next call."""
    reports = []
    for database, window in late.take():
        only = [rollup for rollup in rollups if rollup.database == database]
        report = repair.repair(window, only=with_dependents(only, rollups))
        if report.failed:
            late.give_back(database, window)
        reports.append(report)
    return reports
