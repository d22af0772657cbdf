"""Gives an InfluxDB the databases, retention policies and continuous queries that it should have."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus

from tstats.core.model import CatalogDatabase
from tstats.core.time import parse_go_duration
from tstats.errors import RefusedError, ServerError, TstatsError, UnreachableError
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.schema.plan import Change, Plan, Unmanaged, plan
from tstats.schema.spec import OWN_DATABASE, DatabaseSpec, PolicySpec

REFUSED_LOSS = "not applied: it deletes points, and that was not allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What became of a change.

    Attributes:
        change: the change.
        applied: whether the server took it.
        error: why it was not applied; None where it was, or where nothing was to be applied.
    """

    change: Change
    applied: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceReport:
    """One InfluxDB after `provision`.

    Attributes:
        url: its address.
        version: None when it did not say.
        in_sync: whether it has all that is wanted, as read from it at the end.
        changes: in the order of the plan.
        unmanaged: what it has beside, which was left alone.
        error: why it could not be read, or why it still differs although every change was taken.
    """

    url: str
    version: str | None = None
    in_sync: bool = False
    changes: tuple[ChangeResult, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    error: str | None = None


def catalog_schema(
    databases: Iterable[CatalogDatabase], *, replication: int, continuous_queries: bool = True
) -> tuple[DatabaseSpec, ...]:
    """The databases of the catalog as a wish; the shard durations are left to the server.

    Args:
        databases: of the catalog.
        replication: copies in a cluster, at least 1.
        continuous_queries: False where tstats computes the rollups by itself.
    """
    return tuple(
        DatabaseSpec(
            name=database.name,
            policies=tuple(
                PolicySpec(
                    name=policy.name,
                    duration=policy.duration,
                    replication=replication,
                    default=policy.default,
                )
                for policy in database.policies
            ),
            continuous_queries={
                rollup.name: influxql.create_continuous_query(rollup)
                for rollup in database.rollups
                if continuous_queries
            },
        )
        for database in databases
    )


def read_live(
    influx: Influx, *, only: Collection[str] | None = None, to_the_full: bool = False
) -> tuple[DatabaseSpec, ...]:
    """The schema that the server has now.

    Args:
        influx: the server.
        only: the databases to look into; others come without their policies, which a user may not be
            allowed to see. None looks into all but the server's own `_internal`.
        to_the_full: what does not come is not there. A user who is no administrator does not see what others
            may read: that is refused then, unless all of `only` is seen.

    Raises:
        TstatsError: it cannot be reached, refuses, or answers what is no schema.
    """
    names = [row["name"] for series in influx.query(influxql.show_databases()) for row in series.rows()]
    inside = {name for name in names if name != OWN_DATABASE and (only is None or name in only)}
    queries: dict[str, dict[str, str]] = {}
    if to_the_full and (only is None or not inside.issuperset(only)):
        queries = _continuous_queries_of_an_administrator(influx)
    elif inside:
        # The answer is that for all databases, but a user must be allowed to read the one that is named.
        queries = _continuous_queries(influx, min(inside))
    return tuple(
        DatabaseSpec(
            name=name,
            policies=read_policies(influx, name) if name in inside else (),
            continuous_queries=queries.get(name, {}) if name in inside else {},
        )
        for name in names
    )


def _continuous_queries(influx: Influx, database: str | None) -> dict[str, dict[str, str]]:
    answer = influx.query(influxql.show_continuous_queries(), database=database)
    return {series.name: {row["name"]: row["query"] for row in series.rows()} for series in answer}


def _continuous_queries_of_an_administrator(influx: Influx) -> dict[str, dict[str, str]]:
    """Those of all databases; without naming one, the server tells them to administrators only."""
    try:
        return _continuous_queries(influx, None)
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise RefusedError(
            f"{influx.url} shows this user only what it may read: to know which databases are there, and to"
            " make those that are not, requires admin privilege",
            status=error.status,
        ) from error


def read_policies(influx: Influx, database: str) -> tuple[PolicySpec, ...]:
    """The retention policies that a database has now; raises what `read_live` does."""
    rows = [
        row for series in influx.query(influxql.show_retention_policies(database)) for row in series.rows()
    ]
    try:
        return tuple(
            PolicySpec(
                name=row["name"],
                duration=parse_go_duration(row["duration"]),
                shard_duration=parse_go_duration(row["shardGroupDuration"]),
                replication=row["replicaN"],
                default=row["default"],
            )
            for row in rows
        )
    except (KeyError, ValueError) as error:
        raise ServerError(
            f"{influx.url} tells a retention policy of {database!r} that cannot be understood: {error}"
        ) from error


def provision(
    influx: Influx, wanted: Iterable[DatabaseSpec], *, allow_data_loss: bool, apply: bool
) -> InstanceReport:
    """Make the server's schema what is wanted, or tell what that would take.

    Never raises for a server's failure: the report says it. Each change is tried by itself; those inside a
    database that could not be created are not, and none after the server has gone.

    Args:
        influx: the server.
        wanted: what it should have; what else it has is left alone.
        allow_data_loss: apply changes that delete points too.
        apply: False only plans.
    """
    wishes = tuple(wanted)
    names = {wish.name for wish in wishes}
    report = InstanceReport(url=influx.url)
    try:
        report = replace(report, version=influx.version())
        planned = plan(wishes, read_live(influx, only=names, to_the_full=True))
    except TstatsError as error:
        return replace(report, error=str(error))
    report = replace(report, unmanaged=planned.unmanaged, in_sync=not planned.changes)
    if not apply:
        return replace(report, changes=tuple(ChangeResult(change=change) for change in planned.changes))
    if not planned.changes:
        return report
    report = replace(report, changes=_apply(influx, planned, allow_data_loss=allow_data_loss))
    try:
        left = plan(wishes, read_live(influx, only=names, to_the_full=True)).changes
    except TstatsError as error:
        return replace(report, error=str(error))
    unexplained = None
    if left and all(result.applied for result in report.changes):
        what = ", ".join(f"{change.kind} {change.database}.{change.name}" for change in left)
        unexplained = f"{influx.url} took every change and still differs in: {what}; run this again"
    return replace(report, in_sync=not left, error=unexplained)


def _apply(influx: Influx, planned: Plan, *, allow_data_loss: bool) -> tuple[ChangeResult, ...]:
    results: list[ChangeResult] = []
    missing: set[str] = set()
    gone: UnreachableError | None = None
    for change in planned.changes:
        error: str | None = None
        if gone is not None:
            error = "not tried: the server had gone"
        elif change.database in missing:
            error = f"not tried: the database {change.database} could not be created"
        elif change.loses_data and not allow_data_loss:
            error = REFUSED_LOSS
        else:
            try:
                _send(influx, change)
            except UnreachableError as failure:
                gone, error = failure, str(failure)
            except TstatsError as failure:
                error = str(failure)
        if error is not None and change.kind == "database":
            missing.add(change.database)
        results.append(ChangeResult(change=change, applied=error is None, error=error))
    return tuple(results)


def _send(influx: Influx, change: Change) -> None:
    """Send a change; one request, so that nothing comes between a DROP and its CREATE."""
    try:
        influx.query("; ".join(change.statements))
    except RefusedError as error:
        if change.restore is None:
            raise
        try:
            influx.query(change.restore)
        except TstatsError as second:
            raise RefusedError(f"{error}; and the old one may be lost: {second}") from error
        raise
