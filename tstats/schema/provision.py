"""Gives an InfluxDB the wanted databases, retention policies and continuous queries."""

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

REFUSED_LOSS = "not applied: it would delete points, which was not allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """The outcome of a change.

    Attributes:
        change: the change.
        applied: whether the server accepted it.
        error: why it was not applied; None if it was, or if it was only planned.
    """

    change: Change
    applied: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceReport:
    """The outcome of `provision` for one InfluxDB.

    Attributes:
        url: its address.
        version: None if it is unknown.
        in_sync: whether the schema, as read at the end, has everything that is wanted.
        changes: in the order of the plan.
        unmanaged: what else the server has, which was left alone.
        error: why it could not be read, or why it still differs although every change was accepted.
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
    """Return the wanted schema of databases of the catalog; shard durations are left to the server.

    Args:
        databases: of the catalog.
        replication: copies in a cluster, at least 1.
        continuous_queries: False if tstats computes the rollups itself.
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
    influx: Influx, *, only: Collection[str] | None = None, complete: bool = False
) -> tuple[DatabaseSpec, ...]:
    """Return the live schema of a server.

    Args:
        influx: the server.
        only: the databases to read; others are returned without their policies, which the user may not be
            allowed to see. None reads all except the server's own `_internal`.
        complete: what is not returned does not exist. Only an administrator sees what others may read: any
            other user is refused, unless all of `only` is visible.

    Raises:
        TstatsError: the server cannot be reached, refuses, or returns something else than a schema.
    """
    names = [row["name"] for series in influx.query(influxql.show_databases()) for row in series.rows()]
    inside = {name for name in names if name != OWN_DATABASE and (only is None or name in only)}
    queries: dict[str, dict[str, str]] = {}
    if complete and (only is None or not inside.issuperset(only)):
        queries = _continuous_queries_of_an_administrator(influx)
    elif inside:
        # The response covers all databases, but the user must be allowed to read the one that is named.
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
    """Return those of all databases; unless one is named, the server shows them to administrators only."""
    try:
        return _continuous_queries(influx, None)
    except RefusedError as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise RefusedError(
            f"{influx.url} shows this user only what it may read: to see which databases exist, and to create"
            " the others, requires admin privilege",
            status=error.status,
        ) from error


def read_policies(influx: Influx, database: str) -> tuple[PolicySpec, ...]:
    """Return the live retention policies of a database; raise what `read_live` does."""
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
            f"{influx.url} returned an invalid retention policy of {database!r}: {error}"
        ) from error


def provision(
    influx: Influx, wanted: Iterable[DatabaseSpec], *, allow_data_loss: bool, apply: bool
) -> InstanceReport:
    """Change the server's schema to the wanted one, or plan how.

    A failure of the server is not raised but reported. A failed change does not prevent the others, except
    inside a database that could not be created, and after the server has become unreachable.

    Args:
        influx: the server.
        wanted: what it should have; anything else on it is left alone.
        allow_data_loss: also apply changes that delete points.
        apply: False only plans.
    """
    specs = tuple(wanted)
    names = {spec.name for spec in specs}
    report = InstanceReport(url=influx.url)
    try:
        report = replace(report, version=influx.version())
        planned = plan(specs, read_live(influx, only=names, complete=True))
    except TstatsError as error:
        return replace(report, error=str(error))
    report = replace(report, unmanaged=planned.unmanaged, in_sync=not planned.changes)
    if not apply:
        return replace(report, changes=tuple(ChangeResult(change=change) for change in planned.changes))
    if not planned.changes:
        return report
    report = replace(report, changes=_apply(influx, planned, allow_data_loss=allow_data_loss))
    try:
        left = plan(specs, read_live(influx, only=names, complete=True)).changes
    except TstatsError as error:
        return replace(report, error=str(error))
    unexplained = None
    if left and all(result.applied for result in report.changes):
        what = ", ".join(f"{change.kind} {change.database}.{change.name}" for change in left)
        unexplained = f"{influx.url} accepted every change but still differs in: {what}; run this again"
    return replace(report, in_sync=not left, error=unexplained)


def _apply(influx: Influx, planned: Plan, *, allow_data_loss: bool) -> tuple[ChangeResult, ...]:
    results: list[ChangeResult] = []
    missing: set[str] = set()
    gone: UnreachableError | None = None
    for change in planned.changes:
        error: str | None = None
        if gone is not None:
            error = "not tried: the server had become unreachable"
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
    """Send a change in one request, so that nothing comes between a DROP and its CREATE."""
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
