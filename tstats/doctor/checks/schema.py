"""The checks of an InfluxDB's schema: databases, retention policies, continuous queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tstats import catalog
from tstats.doctor.checks.influx import InfluxCheck
from tstats.doctor.diagnosis import Finding, format_count, format_names
from tstats.schema.plan import Plan, plan
from tstats.schema.provision import catalog_schema
from tstats.schema.spec import DatabaseSpec

_ROLLUPS = frozenset(rollup.name for rollup in catalog.ROLLUPS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SchemaCheck(InfluxCheck):
    """The schema of the catalog."""

    name: str = "schema"

    def look(self) -> Iterator[Finding]:
        """Check that create_ts_databases would change nothing, and that nothing does the work of tstats."""
        live = self.examined.live_schema()
        rolls_up = self.examined.continuous_queries
        wanted = catalog_schema(catalog.DATABASES, replication=1, continuous_queries=rolls_up)
        planned = plan(_with_replication_of(live, wanted), live)
        duplicates = [
            item.name
            for item in planned.unmanaged
            if item.kind == "continuous query" and item.name in _ROLLUPS and not rolls_up
        ]
        if planned.changes:
            yield self._out_of_sync(planned, self.examined.create_command + _replication_option(live))
        elif duplicates:
            queries = format_count(len(duplicates), "continuous query", "continuous queries")
            remedy = 'drop them, or set rollupMode to "influxdb"'
            yield self.warning(f"{queries} and tstats do the same work", remedy, duplicates)
        else:
            databases = format_count(len(wanted), "database")
            policies = format_count(sum(len(database.policies) for database in wanted), "policy", "policies")
            queries = f", {len(_ROLLUPS)} continuous queries" if rolls_up else ""
            yield self.ok(f"in sync: {databases}, {policies}{queries}")

    def _out_of_sync(self, planned: Plan, command: str) -> Finding:
        changes = [
            f"{change.action} {change.kind} {change.database}.{change.name} {change.detail}".rstrip()
            for change in planned.changes
        ]
        text = f"{format_count(len(changes), 'change')} needed: {format_names(changes)}"
        if any(change.loses_data for change in planned.changes):
            command += "; shortening a policy deletes points and requires --allow-data-loss"
        return self.wrong(text, command, changes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoliciesCheck(InfluxCheck):
    """The retention policies that tstats writes to."""

    name: str = "policies"

    def look(self) -> Iterator[Finding]:
        """Check that they exist, and are those that the rollups and all readers use."""
        live = self.examined.live_schema()
        existing = {(database.name, policy.name) for database in live for policy in database.policies}
        texts, remedies = [], []
        for written in self.examined.policies:
            actual = written.actual(live)
            # A database that does not exist is reported by the check of the schema.
            if actual is None or (actual == written.expected and (written.database, actual) in existing):
                continue
            if (written.database, actual) in existing:
                problem = f"points go to {written.database}.{actual}, but everything reads {written.expected}"
            else:
                problem = f"{written.database} has no policy {actual!r}, so its points are refused"
            texts.append(f"{written.key}: {problem}")
            remedies.append(f'set {written.key} to "{written.expected}"')
        if texts:
            yield self.wrong("; ".join(texts), "; ".join(remedies))
        else:
            yield self.ok("points go to the policies that the rollups read")


def _replication_option(live: Sequence[DatabaseSpec]) -> str:
    """Return the option that keeps the replication as it is, if all policies of the catalog share one."""
    names = {(database.name, policy.name) for database in catalog.DATABASES for policy in database.policies}
    found = {
        policy.replication
        for database in live
        for policy in database.policies
        if (database.name, policy.name) in names
    }
    return f" --replication {found.pop()}" if len(found) == 1 else ""


def _with_replication_of(
    live: Sequence[DatabaseSpec], wanted: Sequence[DatabaseSpec]
) -> tuple[DatabaseSpec, ...]:
    """Return the wanted schema with the replication that there is: nothing says what it should be."""
    replication = {
        (database.name, policy.name): policy.replication for database in live for policy in database.policies
    }
    return tuple(
        replace(
            database,
            policies=tuple(
                replace(policy, replication=replication.get((database.name, policy.name), policy.replication))
                for policy in database.policies
            ),
        )
        for database in wanted
    )
