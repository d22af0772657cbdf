"""Checks, repairs and computes the rollups of one InfluxDB, and can stand in for its continuous queries.

The result of a repair is, point for point, what the continuous query would have written had the data been on
time: the same SELECT … INTO … over the same whole intervals. A point whose source is gone stays as it is.
"""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tstats.catalog import ROLLUPS
from tstats.core.model import Rollup
from tstats.core.windows import Window, runs
from tstats.errors import BrokenStreamError, SlowError, TstatsError, UnreachableError
from tstats.influx.client import Influx
from tstats.rollups import cells as rollup_cells
from tstats.rollups.check import KnownSums, check, compare_windows, within_limits
from tstats.rollups.compare import RollupFinding
from tstats.rollups.plan import (
    kept_from,
    levels,
    merged,
    pieces,
    repairable_window,
    sources_first,
    with_dependents,
)
from tstats.rollups.report import RollupOutcome, RollupReport
from tstats.rollups.state import PassState, read_state

# Rollups that are only checked are checked in parallel: the server needs about one core per query.
_PARALLEL_CHECKS = 4

OnProgress = Callable[[str], None]
"""Takes a line of progress."""

Step = Callable[[Rollup, PassState], RollupOutcome]
"""What a pass does for one rollup."""


def silent(text: str) -> None:
    """Discard a line of progress."""
    del text


class RollupRepair:
    """The rollups of one InfluxDB; not safe for use by two threads at once.

    No method raises for a server's failure: the report names it, per rollup, and the other rollups go on.
    Once the server cannot be reached at all, the rest is not tried.

    Args:
        influx: the server.
        rollups: those of the catalog.
        clock: ns since the epoch.
        on_progress: called with lines of progress.
    """

    def __init__(
        self,
        influx: Influx,
        rollups: Sequence[Rollup] = ROLLUPS,
        *,
        clock: Callable[[], int] = time.time_ns,
        on_progress: OnProgress = silent,
    ) -> None:
        self._influx = influx
        self._rollups = sources_first(rollups)
        self._clock = clock
        self._on_progress = on_progress
        self._ran: dict[str, int] = {}  # the end of the last interval that `run_due` computed, by rollup

    @property
    def url(self) -> str:
        """The server's address."""
        return self._influx.url

    def status(
        self, window: Window, *, only: Collection[Rollup] = (), thorough: bool = False
    ) -> RollupReport:
        """Report what is missing or stale; write nothing.

        Args:
            window: the window to check.
            only: the rollups to check; empty for all.
            thorough: compare every cell (see `rollups.check`).
        """
        chosen = set(only or self._rollups)
        rollups = [rollup for rollup in self._rollups if rollup in chosen]
        known: KnownSums = {}  # nothing is written, so what one check has read is valid for the next

        def check_one(rollup: Rollup, state: PassState) -> RollupOutcome:
            finding = self._check(rollup, window, state, thorough=thorough, known=known)
            return RollupOutcome(finding=replace(finding, carried=state.carried_to(rollup)))

        return self._pass(rollups, check_one, applies=False)

    def repair(
        self, window: Window, *, only: Collection[Rollup] = (), thorough: bool = True, dry_run: bool = False
    ) -> RollupReport:
        """Recompute what is missing or stale, with everything computed from it, and check it again.

        Args:
            window: the window to check.
            only: the rollups to check, whose dependents are recomputed where these were; empty for all.
            thorough: compare every cell, instead of checking quickly as `status` does.
            dry_run: write nothing.
        """
        chosen = set(only or self._rollups)

        def repair_one(rollup: Rollup, state: PassState) -> RollupOutcome:
            finding = RollupFinding(rollup=rollup)
            if rollup in chosen:
                finding = self._check(rollup, window, state, thorough=thorough)
            outcome = RollupOutcome(finding=replace(finding, carried=state.carried_to(rollup)))
            return outcome if dry_run else self._recompute(outcome, state, verify=True)

        return self._pass(with_dependents(chosen, self._rollups), repair_one, applies=not dry_run)

    def run(self, window: Window, *, only: Collection[Rollup] = ()) -> RollupReport:
        """Recompute a window, whatever the rollups hold there; intervals in progress are left out.

        Args:
            window: the window to compute; the intervals in which it starts and ends are computed whole.
            only: the rollups to compute, along with their dependents; empty for all.
        """

        def run_one(rollup: Rollup, state: PassState) -> RollupOutcome:
            return self._run(rollup, window, state)

        return self._pass(with_dependents(only or self._rollups, self._rollups), run_one, applies=True)

    def run_due(self) -> RollupReport:
        """Do what the continuous queries would do now; for `rollupMode` "tstats".

        Call it often (every few seconds): each rollup is computed once after the end of each of its
        intervals, over the last intervals that its RESAMPLE FOR names, sources first. After a pause or a
        failure, everything that was left out is computed. The report holds only what was due.
        """
        now = self._clock()
        due = [
            rollup
            for rollup in self._rollups
            if now // rollup.interval * rollup.interval > self._ran.get(rollup.name, 0)
        ]
        if not due:
            return RollupReport(url=self.url)

        def run_one(rollup: Rollup, state: PassState) -> RollupOutcome:
            end = now // rollup.interval * rollup.interval
            since = self._ran.get(rollup.name, end - rollup.interval)
            # The range of the first run that was left out starts this long before its end.
            window = Window(start=since + rollup.interval - rollup.resample, end=end)
            outcome = self._run(rollup, window, state)
            if not outcome.failed:
                self._ran[rollup.name] = end
            return outcome

        return self._pass(due, run_one, applies=True)

    def _check(
        self,
        rollup: Rollup,
        window: Window,
        state: PassState,
        *,
        thorough: bool,
        known: KnownSums | None = None,
    ) -> RollupFinding:
        part = repairable_window(rollup, window, now=state.now, durations=state.durations)
        if part is None or not state.has_source(rollup):
            return RollupFinding(rollup=rollup, checked=part)
        self._on_progress(f"{self.url}: {rollup.name}: checking {part}")
        return check(self._influx, rollup, part, thorough=thorough, known=known)

    def _run(self, rollup: Rollup, window: Window, state: PassState) -> RollupOutcome:
        part = repairable_window(rollup, window, now=state.now, durations=state.durations, settled=False)
        finding = RollupFinding(rollup=rollup, checked=part, carried=(part,) if part else ())
        return self._recompute(RollupOutcome(finding=finding), state, verify=False)

    def _recompute(self, outcome: RollupOutcome, state: PassState, *, verify: bool) -> RollupOutcome:
        """Recompute the windows of the finding; with `verify`, check them again afterwards."""
        rollup, points, done = outcome.finding.rollup, 0, list[Window]()

        def recompute(window: Window) -> int:
            # Time goes on meanwhile: what has begun to expire since the start is left alone too.
            start = max(window.start, kept_from(rollup, self._clock(), state.durations))
            if start >= window.end:
                return 0
            kept = Window(start=start, end=window.end)
            self._on_progress(f"{self.url}: {rollup.name}: computing {kept}")
            written = rollup_cells.recompute(self._influx, rollup, kept)
            done.append(kept)
            return written

        error, left = None, list[Window]()
        try:
            if state.has_source(rollup):
                for piece in pieces(rollup, outcome.finding.windows):
                    points += sum(within_limits(rollup, piece, recompute))
            if verify and done:
                difference = compare_windows(self._influx, rollup, merged(done))
                left = runs(difference.missing | difference.stale, step=rollup.interval)
        except TstatsError as failure:
            if _is_gone(failure):
                raise
            error = str(failure)
        return replace(outcome, recomputed=tuple(merged(done)), points=points, left=tuple(left), error=error)

    def _pass(self, rollups: Sequence[Rollup], step: Step, *, applies: bool) -> RollupReport:
        """Take the step for each rollup, sources first, and carry what it changes to its dependents."""
        outcomes: list[RollupOutcome] = []
        try:
            state = read_state(self._influx, {rollup.database for rollup in rollups}, now=self._clock())
        except TstatsError as failure:
            return RollupReport(url=self.url, error=str(failure))

        def take_step(rollup: Rollup) -> RollupOutcome:
            try:
                if problem := state.problems.get(rollup.database):
                    return RollupOutcome(finding=RollupFinding(rollup=rollup, error=problem))
                return step(rollup, state)
            except TstatsError as failure:
                if _is_gone(failure):
                    raise
                return RollupOutcome(finding=RollupFinding(rollup=rollup, error=str(failure)))

        with ThreadPoolExecutor(_PARALLEL_CHECKS, "rollup") as executor:
            # Writes run in this thread, one after the other, so that an interrupt ends them at once.
            map_level = map if applies else executor.map
            try:
                for level in levels(rollups):
                    for rollup, outcome in zip(level, map_level(take_step, level), strict=True):
                        outcomes.append(outcome)
                        # What could not be recomputed changes nothing downstream.
                        changed = outcome.recomputed if applies else outcome.finding.windows
                        state.carry(rollup, changed, self._rollups)
            except TstatsError as failure:
                return RollupReport(url=self.url, outcomes=tuple(outcomes), error=str(failure))
        return RollupReport(url=self.url, outcomes=tuple(outcomes))


def _is_gone(failure: TstatsError) -> bool:
    """Return whether the server is out of reach, so that nothing else is worth trying."""
    return isinstance(failure, UnreachableError) and not isinstance(failure, SlowError | BrokenStreamError)
