"""The checks of an InfluxDB's version, of who we are to it, and of its schema."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tstats import catalog
from tstats.doctor.diagnosis import Finding, Verdict, counted, shown
from tstats.doctor.examine import Check
from tstats.doctor.subject import Subject, live_schema
from tstats.errors import RefusedError
from tstats.influx import influxql
from tstats.schema.plan import Plan, plan
from tstats.schema.provision import catalog_schema
from tstats.schema.spec import DatabaseSpec


def version(subject: Subject, check: Check) -> Iterator[Finding]:
    """That it answers, and is an InfluxDB 1.x."""
    yield check.finding(Verdict.OK, f"InfluxDB {subject.influx.version()} answers")


def login(subject: Subject, check: Check) -> Iterator[Finding]:
    """That it lets us in."""
    user = subject.influx.endpoint.user
    try:
        subject.influx.query(influxql.show_databases())
    except RefusedError as error:
        remedy = "check influxUser and influxPassword (or influxPasswordFile)"
        yield check.finding(Verdict.WRONG, str(error), remedy)
    else:
        yield check.finding(Verdict.OK, f"as {user!r}" if user else "without a user")


def schema(subject: Subject, check: Check) -> Iterator[Finding]:
    """That it has what create_ts_databases makes."""
    live = live_schema(subject, check)
    if isinstance(live, Finding):
        yield live
        return
    own = subject.settings.rollup_mode == "influxdb"
    wanted = catalog_schema(catalog.DATABASES, replication=1, continuous_queries=own)
    planned = plan(_with_replication_of(live, wanted), live)
    if planned.changes:
        yield _out_of_sync(check, planned, subject.create + _copies(live))
        return
    ours = {rollup.name for rollup in catalog.ROLLUPS}
    twice = [
        one.name
        for one in planned.unmanaged
        if one.kind == "continuous query" and one.name in ours and not own
    ]
    if twice:
        queries = counted(len(twice), "continuous query", "continuous queries")
        text, remedy = f"{queries} and tstats do the same work", 'drop them, or set rollupMode to "influxdb"'
        yield check.finding(Verdict.WARNING, text, remedy, twice)
        return
    policies = counted(sum(len(one.policies) for one in wanted), "policy", "policies")
    queries = f", {len(ours)} continuous queries" if own else ""
    yield check.finding(Verdict.OK, f"in sync: {counted(len(wanted), 'database')}, {policies}{queries}")


def _out_of_sync(check: Check, planned: Plan, command: str) -> Finding:
    names = [
        f"{change.action} {change.kind} {change.database}.{change.name} {change.detail}".rstrip()
        for change in planned.changes
    ]
    text = f"{counted(len(names), 'difference')}: to {shown(names)}"
    losing = any(change.loses_data for change in planned.changes)
    ending = "; a shorter policy deletes points and asks for --allow-data-loss" if losing else ""
    return check.finding(Verdict.WRONG, text, command + ending, names)


def policies(subject: Subject, check: Check) -> Iterator[Finding]:
    """That points go to the policies that the rollups and the readers look into."""
    live = live_schema(subject, check)
    if isinstance(live, Finding):
        yield live
        return
    there = {(one.name, policy.name) for one in live for policy in one.policies}
    problems = {}
    for one in subject.written:
        chosen = one.chosen(live)
        if chosen is None:
            continue  # no such database: the check of the schema says it
        if (one.database, chosen) not in there:
            problems[one.key] = f"{one.database} has no policy {chosen!r}, so its points are refused"
        elif chosen != one.policy:
            problems[one.key] = f"points go to {one.database}.{chosen}, and all reads look into {one.policy}"
    if not problems:
        yield check.finding(Verdict.OK, "points go where the rollups read them")
        return
    remedies = [f'set {one.key} to "{one.policy}"' for one in subject.written if one.key in problems]
    texts = [f"{key}: {problem}" for key, problem in problems.items()]
    yield check.finding(Verdict.WRONG, "; ".join(texts), "; ".join(remedies))


def _copies(live: Sequence[DatabaseSpec]) -> str:
    """The option by which the command leaves the number of copies as it is, where there is one number."""
    ours = {(database.name, policy.name) for database in catalog.DATABASES for policy in database.policies}
    found = {policy.replication for one in live for policy in one.policies if (one.name, policy.name) in ours}
    return f" --replication {found.pop()}" if len(found) == 1 else ""


def _with_replication_of(
    live: Sequence[DatabaseSpec], wanted: Sequence[DatabaseSpec]
) -> tuple[DatabaseSpec, ...]:
    """The wish with as many copies as there are: how many there should be is written down nowhere."""
    copies = {(one.name, policy.name): policy.replication for one in live for policy in one.policies}
    return tuple(
        replace(
            one,
            policies=tuple(
                replace(policy, replication=copies.get((one.name, policy.name), policy.replication))
                for policy in one.policies
            ),
        )
        for one in wanted
    )
