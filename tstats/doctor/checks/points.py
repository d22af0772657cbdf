"""The checks of an InfluxDB's contents: how old the newest points are, and whether rollups are complete."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tstats import catalog
from tstats.core.time import HOUR, MINUTE
from tstats.core.windows import Window
from tstats.doctor.checks.influx import InfluxCheck
from tstats.doctor.diagnosis import Finding, Verdict, format_age, format_count, format_names
from tstats.influx.health import read_newest
from tstats.rollups.plan import merged
from tstats.rollups.repair import RollupRepair

_RECENT = 10 * MINUTE
_ROLLUP_LATE = 5 * MINUTE  # the value of a minute comes with the continuous query of the next one
_SHORTEST_SILENCE = 2 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewestPointsCheck(InfluxCheck):
    """The age of the newest points.

    Attributes:
        round_length: ns from one poll and its publishing to the next.
        one_of_several: whether each batch goes to only one of several servers.
    """

    name: str = "newest points"
    slow: Verdict = Verdict.WARNING
    round_length: int
    one_of_several: bool

    def look(self) -> Iterator[Finding]:
        """Check that points arrive, and the rollups of each minute."""
        live = self.examined.live_schema()
        existing = {(database.name, policy.name) for database in live for policy in database.policies}
        for written in self.examined.policies:
            if not written.collected:
                continue
            database, policy = written.database, written.actual(live) or ""
            if {(database, policy), (database, catalog.MONTHLY)} <= existing:
                yield self._newest(database, policy)
            else:
                text = f"{database} lacks a retention policy: see schema and policies"
                yield self.finding(Verdict.NOT_CHECKED, text)

    def _newest(self, database: str, policy: str) -> Finding:
        now, influx = self.examined.clock(), self.examined.influx
        end = now + HOUR
        # The latest shard first: the server takes long to find the newest point of each series in all shards.
        raw = read_newest(influx, database, policy, start=now - _RECENT, end=end)
        raw = raw or read_newest(influx, database, policy, start=now - catalog.RAW_RETENTION, end=end)
        if not raw:
            return self._silent(f"{database} has no points in the last {format_age(catalog.RAW_RETENTION)}")
        ages = {name: max(0, now - time) for name, time in sorted(raw.items())}
        details = [f"{database}.{policy}.{name}: {format_age(age)}" for name, age in ages.items()]
        youngest, silence = min(ages.values()), max(_SHORTEST_SILENCE, 3 * self.round_length)
        if youngest > silence:
            return self._silent(f"{database}: the newest point is {format_age(youngest)} old", details)
        rolled_up = read_newest(influx, database, catalog.MONTHLY, start=now - HOUR, end=end)
        details += [
            f"{database}.{catalog.MONTHLY}.{name}: {format_age(now - time)}"
            for name, time in sorted(rolled_up.items())
        ]
        late = self._late(database, policy, rolled_up, end=now - _ROLLUP_LATE)
        if late:
            text = f"{database}: points arrive, but the last minutes are missing in {format_names(late)}"
            return self.wrong(text, self._late_remedy, details)
        measurements = format_count(len(ages), "measurement")
        text = f"{database}: {measurements}, the newest point {format_age(youngest)} old"
        quiet = [f"{name} ({format_age(age)})" for name, age in ages.items() if age > silence]
        if quiet:
            remedy = "check that the monitors still have these stats; --details shows all"
            return self.warning(f"{text}; quiet: {format_names(quiet)}", remedy, details)
        return self.ok(text, details)

    def _silent(self, text: str, details: Sequence[str] = ()) -> Finding:
        """Return the finding that no points arrive."""
        if self.one_of_several:
            remedy = (
                'with influxWriteMode "any" only one server gets the points; sync_ts_databases copies its'
                " rollups"
            )
            return self.warning(text, remedy, details)
        return self.wrong(text, "check that tstats collect is running: see its log and spool", details)

    def _late(self, database: str, policy: str, rolled_up: Mapping[str, int], *, end: int) -> list[str]:
        """Return the rollups whose sources had points shortly before `end`, but that have none from then."""
        sources = read_newest(self.examined.influx, database, policy, start=end - 2 * MINUTE, end=end)
        return sorted(
            {
                rollup.target
                for rollup in catalog.ROLLUPS
                if (rollup.database, rollup.source_policy) == (database, policy)
                and rollup.source in sources
                and rolled_up.get(rollup.target, 0) < end - 3 * MINUTE
            }
        )

    @property
    def _late_remedy(self) -> str:
        if self.examined.continuous_queries:
            return "check that continuous queries run here (see health), then run tstats rollup repair"
        return "check that tstats collect, which computes them, is running, then run tstats rollup repair"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RollupsCheck(InfluxCheck):
    """The rollups of the last `since` ns."""

    name: str = "rollups"
    remedy: str = "look with tstats rollup status, which has no time limit"
    slow: Verdict = Verdict.WARNING
    since: int

    def look(self) -> Iterator[Finding]:
        """Check that they are what their sources give, as far as a quick look shows."""
        now = self.examined.clock()
        repair = RollupRepair(self.examined.influx, clock=self.examined.clock)
        report = repair.status(Window(start=now - self.since, end=now))
        errors = [report.error, *(finding.error for finding in report.findings)]
        failures = list(dict.fromkeys(error for error in errors if error))
        if failures:
            yield self.wrong(format_names(failures, most=1), self.examined.create_command, failures)
            return
        gaps = {
            finding.rollup.name: merged(finding.windows) for finding in report.findings if finding.windows
        }
        if not gaps:
            span = format_age(self.since)
            yield self.ok(f"{len(report.findings)} rollups, nothing missing or stale in the last {span}")
            return
        details = [f"{name}: {window}" for name, windows in gaps.items() for window in windows]
        first = min(window.start for windows in gaps.values() for window in windows)
        last = max(window.end for windows in gaps.values() for window in windows)
        rollups = format_count(len(gaps), "rollup")
        within = Window(start=first, end=last)
        text = f"{rollups} with missing or stale values in {within}: {format_names(gaps)}"
        yield self.wrong(text, "tstats rollup repair (tstats collect does this every hour)", details)
