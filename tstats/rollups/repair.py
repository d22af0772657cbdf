"""Keeps the rollups of one InfluxDB whole: `status`, `repair`, `run`, and the continuous queries' own work.

The result of a repair is, point for point, what the continuous query would have written had the data been on
time: the same SELECT … INTO … over the same whole intervals. A point whose source has gone stays as it is.
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
from tstats.rollups.check import Known, check, look_into, within_limits
from tstats.rollups.compare import Finding
from tstats.rollups.plan import chained, down_the_chain, kept_from, levels, merged, ours, pieces
from tstats.rollups.report import Outcome, RollupReport
from tstats.rollups.state import State, read_state

# Rollups that are only looked at go side by side: the server needs about one core for each query.
_LOOKS_AT_ONCE = 4

Tell = Callable[[str], None]
"""Takes a line of progress."""

Step = Callable[[Rollup, State], Outcome]
"""What is done for one rollup on the way along the chains."""


def silent(text: str) -> None:
    """Tells nobody."""
    del text


class RollupRepair:
    """The rollups of one InfluxDB; not to be used by two threads at once.

    No method raises for a server's failure: the report says it, by rollup, and the others go on. When the
    server cannot be reached at all, the rest is not tried.

    Args:
        influx: the server.
        rollups: those of the catalog.
        clock: ns since the epoch.
        tell: takes lines of progress.
    """

    def __init__(
        self,
        influx: Influx,
        rollups: Sequence[Rollup] = ROLLUPS,
        *,
        clock: Callable[[], int] = time.time_ns,
        tell: Tell = silent,
    ) -> None:
        self._influx = influx
        self._rollups = chained(rollups)
        self._clock = clock
        self._tell = tell
        self._ran: dict[str, int] = {}  # the end of the last interval that `run_due` computed, by rollup

    @property
    def url(self) -> str:
        """The server's address."""
        return self._influx.url

    def status(
        self, window: Window, *, only: Collection[Rollup] = (), thorough: bool = False
    ) -> RollupReport:
        """What is missing or stale; writes nothing.

        Args:
            window: where to look.
            only: some rollups; empty for all.
            thorough: look into every cell (see `rollup_check`).
        """
        chosen = set(only or self._rollups)
        rollups = [one for one in self._rollups if one in chosen]
        known: Known = {}  # nothing is written, so what one look told holds for the next

        def looked(rollup: Rollup, state: State) -> Outcome:
            finding = self._look(rollup, window, state, thorough=thorough, known=known)
            return Outcome(finding=replace(finding, carried=state.carried_to(rollup)))

        return self._walk(rollups, looked, applies=False)

    def repair(
        self, window: Window, *, only: Collection[Rollup] = (), thorough: bool = True, dry_run: bool = False
    ) -> RollupReport:
        """Compute anew what is missing or stale, down the chains, and look at it again.

        Args:
            window: where to look.
            only: some rollups, and all that is made from them, there where they were repaired; empty for all.
            thorough: look into every cell, not quickly as `status` does.
            dry_run: write nothing.
        """
        chosen = set(only or self._rollups)

        def repaired(rollup: Rollup, state: State) -> Outcome:
            finding = Finding(rollup=rollup)
            if rollup in chosen:
                finding = self._look(rollup, window, state, thorough=thorough)
            outcome = Outcome(finding=replace(finding, carried=state.carried_to(rollup)))
            return outcome if dry_run else self._recompute(outcome, state, verify=True)

        return self._walk(down_the_chain(chosen, self._rollups), repaired, applies=not dry_run)

    def run(self, window: Window, *, only: Collection[Rollup] = ()) -> RollupReport:
        """Compute a window anew, whatever is there: whole intervals, those in progress left out.

        Args:
            window: what to compute; an interval in which it begins or ends is computed whole.
            only: some rollups, and all that is made from them; empty for all.
        """

        def ran(rollup: Rollup, state: State) -> Outcome:
            part = ours(rollup, window, now=state.now, durations=state.durations, settled=False)
            finding = Finding(rollup=rollup, checked=part, carried=(part,) if part else ())
            return self._recompute(Outcome(finding=finding), state, verify=False)

        return self._walk(down_the_chain(only or self._rollups, self._rollups), ran, applies=True)

    def run_due(self) -> RollupReport:
        """Do what the continuous queries would do now: for `rollupMode` "tstats".

        To be called often (every few seconds): a rollup is computed once after the end of each of its
        intervals, over the last intervals that its RESAMPLE FOR names, sources first. After a pause or a
        failure, all that was left out is computed. The report holds only what was due.
        """
        now = self._clock()
        due = [
            one for one in self._rollups if now // one.interval * one.interval > self._ran.get(one.name, 0)
        ]
        if not due:
            return RollupReport(url=self.url)

        def ran(rollup: Rollup, state: State) -> Outcome:
            end = now // rollup.interval * rollup.interval
            since = self._ran.get(rollup.name, end - rollup.interval)
            # The range of the first run that was left out begins so long before its end.
            asked = Window(start=since + rollup.interval - rollup.resample, end=end)
            part = ours(rollup, asked, now=now, durations=state.durations, settled=False)
            finding = Finding(rollup=rollup, checked=part, carried=(part,) if part else ())
            outcome = self._recompute(Outcome(finding=finding), state, verify=False)
            if not outcome.failed:
                self._ran[rollup.name] = end
            return outcome

        return self._walk(due, ran, applies=True)

    def _look(
        self, rollup: Rollup, window: Window, state: State, *, thorough: bool, known: Known | None = None
    ) -> Finding:
        part = ours(rollup, window, now=state.now, durations=state.durations)
        if part is None or not state.has_source(rollup):
            return Finding(rollup=rollup, checked=part)
        self._tell(f"{self.url}: {rollup.name}: looking at {part}")
        return check(self._influx, rollup, part, thorough=thorough, known=known)

    def _recompute(self, outcome: Outcome, state: State, *, verify: bool) -> Outcome:
        """Compute what the finding names; `verify` looks at it again afterwards."""
        rollup, points, done = outcome.finding.rollup, 0, list[Window]()

        def recomputed(window: Window) -> int:
            # The clock goes on meanwhile: what begins to expire in between is left alone, too.
            start = max(window.start, kept_from(rollup, self._clock(), state.durations))
            if start >= window.end:
                return 0
            kept = Window(start=start, end=window.end)
            self._tell(f"{self.url}: {rollup.name}: computing {kept}")
            written = rollup_cells.recompute(self._influx, rollup, kept)
            done.append(kept)
            return written

        error, left = None, list[Window]()
        try:
            if state.has_source(rollup):
                for piece in pieces(rollup, outcome.finding.windows):
                    points += sum(within_limits(rollup, piece, recomputed))
            if verify and done:
                difference = look_into(self._influx, rollup, merged(done))
                left = runs(difference.missing | difference.stale, step=rollup.interval)
        except TstatsError as failure:
            if _is_gone(failure):
                raise
            error = str(failure)
        return replace(outcome, recomputed=tuple(merged(done)), points=points, left=tuple(left), error=error)

    def _walk(self, rollups: Sequence[Rollup], step: Step, *, applies: bool) -> RollupReport:
        """Take the step for each rollup, sources first, and carry what it found down the chain."""
        outcomes: list[Outcome] = []
        try:
            state = read_state(self._influx, {rollup.database for rollup in rollups}, now=self._clock())
        except TstatsError as failure:
            return RollupReport(url=self.url, error=str(failure))

        def taken(rollup: Rollup) -> Outcome:
            try:
                if problem := state.problems.get(rollup.database):
                    return Outcome(finding=Finding(rollup=rollup, error=problem))
                return step(rollup, state)
            except TstatsError as failure:
                if _is_gone(failure):
                    raise
                return Outcome(finding=Finding(rollup=rollup, error=str(failure)))

        with ThreadPoolExecutor(_LOOKS_AT_ONCE, "rollup") as executor:
            # What writes goes in this thread, one after the other: it ends where it is interrupted.
            each = map if applies else executor.map
            try:
                for level in levels(rollups):
                    for rollup, outcome in zip(level, each(taken, level), strict=True):
                        outcomes.append(outcome)
                        # What could not be recomputed changes nothing further down.
                        changed = outcome.recomputed if applies else outcome.finding.windows
                        state.carry(rollup, changed, self._rollups)
            except TstatsError as failure:
                return RollupReport(url=self.url, outcomes=tuple(outcomes), error=str(failure))
        return RollupReport(url=self.url, outcomes=tuple(outcomes))


def _is_gone(failure: TstatsError) -> bool:
    """Whether the server is out of reach, so that nothing else need be tried."""
    return isinstance(failure, UnreachableError) and not isinstance(failure, SlowError | BrokenStreamError)
