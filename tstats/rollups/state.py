"""What a walk along the chains of rollups knows of its server, and carries from each to the next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tstats.core.model import Rollup
from tstats.core.windows import Window
from tstats.errors import RefusedError
from tstats.influx.client import Influx
from tstats.rollups import cells as rollup_cells
from tstats.rollups.plan import PolicyDurations, dependants, merged, ours
from tstats.schema.provision import read_policies


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What one walk knows.

    Attributes:
        now: in ns since the epoch.
        durations: of the retention policies.
        measurements: the names of those that each database has.
        problems: why a database cannot be worked with.
        carried: the windows that changed in the source of each rollup; grows on the way.
    """

    now: int
    durations: PolicyDurations
    measurements: Mapping[str, set[str]]
    problems: Mapping[str, str]
    carried: dict[Rollup, list[Window]] = field(default_factory=dict)

    def has_source(self, rollup: Rollup) -> bool:
        """Whether there is anything to compute from."""
        return rollup.source in self.measurements.get(rollup.database, ()) or rollup in self.carried

    def carry(self, source: Rollup, windows: Iterable[Window], rollups: Sequence[Rollup]) -> None:
        """Note for what is made from `source` that these windows change."""
        changed = merged(windows)
        for rollup in dependants(source, rollups) if changed else ():
            self.carried.setdefault(rollup, []).extend(changed)

    def carried_to(self, rollup: Rollup) -> tuple[Window, ...]:
        """The intervals of the rollup that change with its source and may be computed."""
        parts = (
            ours(rollup, window, now=self.now, durations=self.durations)
            for window in self.carried.get(rollup, ())
        )
        return tuple(merged(part for part in parts if part is not None))


def read_state(influx: Influx, databases: Iterable[str], *, now: int) -> State:
    """What the server keeps and has; a database that it refuses to tell of is a problem of its own.

    Raises:
        ServerError: the server cannot be reached, or answers what cannot be used.
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
            problems[database] = f"{refusal} (create_ts_databases makes what is missing)"
    return State(now=now, durations=durations, measurements=measurements, problems=problems)
