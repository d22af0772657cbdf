"""What was found and done: by rollup, and by server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tstats.catalog import ROLLUPS
from tstats.core.model import Rollup
from tstats.core.windows import Window
from tstats.errors import ConfigError
from tstats.rollups.compare import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one rollup.

    Attributes:
        finding: what was found before.
        recomputed: the windows that were computed anew.
        points: how many points that wrote.
        left: what is still missing or stale afterwards.
        error: why not all was done.
    """

    finding: Finding
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
    """One InfluxDB.

    Attributes:
        url: its address.
        outcomes: in the order of the chains.
        error: why the server as a whole could not be worked with.
    """

    url: str
    outcomes: tuple[Outcome, ...] = ()
    error: str | None = None

    @property
    def failed(self) -> bool:
        """Whether something could not be looked at or done."""
        return self.error is not None or any(outcome.failed for outcome in self.outcomes)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found, by rollup."""
        return tuple(outcome.finding for outcome in self.outcomes)


def named(names: Iterable[str], rollups: Sequence[Rollup] = ROLLUPS) -> tuple[Rollup, ...]:
    """The rollups of these names; all where none is given.

    Raises:
        ConfigError: one is not known; the text names those that are.
    """
    wanted = tuple(names)
    known = {rollup.name: rollup for rollup in rollups}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ConfigError(f"no rollup {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(rollups) if not wanted else tuple(known[name] for name in dict.fromkeys(wanted))
