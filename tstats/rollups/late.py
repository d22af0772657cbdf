"""Late data: remembers the windows into which it was delivered until their rollups are repaired."""

import threading
import time
from collections.abc import Callable, Sequence

from tstats.catalog import ROLLUPS
from tstats.core.model import Rollup
from tstats.core.time import MINUTE
from tstats.core.windows import Window
from tstats.rollups.plan import GRACE, LONGEST_REWRITING, down_the_chain, merged
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport

# What settles last of the minutes has settled so long after its end.
_SETTLING = LONGEST_REWRITING + GRACE


class LateWindows:
    """Takes the times of delivered batches and gives the windows that came too late, once settled.

    Threads may share it. It is bounded: windows of one database are joined where they touch. What it holds
    is lost with the process; the slow full check finds it again.

    Args:
        rollups: those of the catalog; the shortest RESAMPLE FOR of a database says what is late.
        clock: seconds since the epoch.
    """

    def __init__(
        self, rollups: Sequence[Rollup] = ROLLUPS, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._reach: dict[str, int] = {}
        for rollup in rollups:
            reach = min(rollup.resample, self._reach.get(rollup.database, rollup.resample))
            self._reach[rollup.database] = reach
        self._clock = clock
        self._mutex = threading.Lock()
        self._windows: dict[str, list[Window]] = {}

    def add(self, database: str, window: Window) -> None:
        """Note points that a server has just taken; only those that came late count.

        Args:
            database: where they went.
            window: where they lie.
        """
        reach = self._reach.get(database)
        if reach is None:
            return
        # The minutes before this one may be out of a continuous query's sight by now.
        seen_from = (int(self._clock() * 1e9) - reach) // MINUTE * MINUTE + MINUTE
        start = window.start // MINUTE * MINUTE
        end = min(-(-window.end // MINUTE) * MINUTE, seen_from)
        if start >= end:
            return
        with self._mutex:
            windows = self._windows.get(database, [])
            self._windows[database] = merged([*windows, Window(start=start, end=end)])

    def take(self) -> list[tuple[str, Window]]:
        """The windows by database that have settled, which are then forgotten; `give_back` on failure."""
        settled = (int(self._clock() * 1e9) - _SETTLING) // MINUTE * MINUTE
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
    """Repair what late data has changed, down the chains; a window that failed is tried again next time."""
    reports = []
    for database, window in late.take():
        only = [rollup for rollup in rollups if rollup.database == database]
        report = repair.repair(window, only=down_the_chain(only, rollups))
        if report.failed:
            late.give_back(database, window)
        reports.append(report)
    return reports
