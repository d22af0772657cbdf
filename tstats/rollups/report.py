"""What a check or repair has found and done, by rollup and by server."""

from dataclasses import dataclass

from tstats.core.windows import Window
from tstats.rollups.compare import RollupFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupOutcome:
    """The result for one rollup.

    Attributes:
        finding: what was found before anything was written.
        recomputed: the windows that were recomputed.
        points: the number of points that this wrote.
        left: what is still missing or stale afterwards.
        error: why not everything was done.
    """

    finding: RollupFinding
    recomputed: tuple[Window, ...] = ()
    points: int = 0
    left: tuple[Window, ...] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether something could not be done, or did not help."""
        return bool(self.error or self.finding.error or self.left)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupReport:
    """The results for one InfluxDB.

    Attributes:
        url: its address.
        outcomes: sources before what is computed from them.
        error: why the work on this server ended early.
    """

    url: str
    outcomes: tuple[RollupOutcome, ...] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether something could not be checked or done."""
        return self.error is not None or any(outcome.failed for outcome in self.outcomes)

    @property
    def findings(self) -> tuple[RollupFinding, ...]:
        """The finding of each outcome."""
        return tuple(outcome.finding for outcome in self.outcomes)
