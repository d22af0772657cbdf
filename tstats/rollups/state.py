"""What a pass over the rollups of a server knows of it, and carries from each rollup to its dependents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tstats.core.model import Rollup
from tstats.core.windows import Window
from tstats.errors import RefusedError
from tstats.influx.client import Influx
from tstats.rollups import cells as rollup_cells
from tstats.rollups.plan import PolicyDurations, dependents, merged, repairable_window
from tstats.schema.provision import read_policies


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState:
    """The state of one pass over the rollups of a server.

    Attributes:
        now: ns since the epoch.
        durations: those of the retention policies.
        measurements: the names of the measurements of each database.
        problems: why a database cannot be worked on.
        carried: the windows that have changed in the source of each rollup; grows during the pass.
    """

    now: int
    durations: PolicyDurations
    measurements: Mapping[str, set[str]]
    problems: Mapping[str, str]
    carried: dict[Rollup, list[Window]] = field(default_factory=dict)

    def has_source(self, rollup: Rollup) -> bool:
        """Return whether there is anything to compute the rollup from."""
        return rollup.source in self.measurements.get(rollup.database, ()) or rollup in self.carried

    def carry(self, source: Rollup, windows: Iterable[Window], rollups: Sequence[Rollup]) -> None:
        """Note that these windows of `source` have changed, for every rollup that is computed from it."""
        changed = merged(windows)
        for rollup in dependents(source, rollups) if changed else ():
            self.carried.setdefault(rollup, []).extend(changed)

    def carried_to(self, rollup: Rollup) -> tuple[Window, ...]:
        """Return the intervals of the rollup that change with its source and may be recomputed."""
        parts = (
            repairable_window(rollup, window, now=self.now, durations=self.durations)
            for window in self.carried.get(rollup, ())
        )
        return tuple(merged(part for part in parts if part is not None))


def read_state(influx: Influx, databases: Iterable[str], *, now: int) -> PassState:
    """Read the policies and measurements of the databases; one that the server refuses becomes a problem.

    Raises:
        ServerError: the server cannot be reached, or its answer is unusable.
    """
    durations: dict[tuple[str, str], int] = {}
    measurements: dict[str, set[str]] = {}
    problems: dict[str, str] = {}
    for database in sorted(databases):
        try:
            for policy in read_policies(influx, database):
                durations[database, policy.name] = policy.duration
            measurements[database] = rollup_cells.read_measurements(influx, database)
        except RefusedError as refusal:
            problems[database] = f"{refusal} (run create_ts_databases to create what is missing)"
    return PassState(now=now, durations=durations, measurements=measurements, problems=problems)
