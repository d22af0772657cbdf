"""A pure planner: which changes turn the live schema of a server into the wanted one.

`DatabaseSpec` describes both, so that the live schema of one server can be the wanted one of another. The
invariants of the planner, which a property test checks:

- it converges: `plan(wanted, apply_to(live, plan(wanted, live).changes)).changes` is empty;
- only what is wanted is compared, and nothing is dropped except a continuous query that is created again;
- a change that deletes points says so (`loses_data`): only a shortened duration does;
- databases come before policies, and policies before continuous queries, across all databases, since a
  continuous query may name another database.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tstats.core.time import INFINITE
from tstats.influx import influxql
from tstats.schema.spec import (
    OWN_DATABASE,
    OWN_POLICY,
    SHORTEST,
    DatabaseSpec,
    PolicySpec,
    described,
    difference,
    served_shard_duration,
)

Action = Literal["create", "alter", "replace"]
Kind = Literal["database", "retention policy", "continuous query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a plan.

    Attributes:
        action, kind, database, name: what is done to what.
        statements: to send in this order, in one request.
        detail: what differs, for people: `duration 26h → 720h`.
        loses_data: whether it deletes points.
        policy: the resulting policy, if it is one; its shard duration is never None.
        query: the resulting continuous query, if it is one.
        restore: the statement that restores what the first of several statements dropped, in case a later
            one fails.
    """

    action: Action
    kind: Kind
    database: str
    name: str
    statements: tuple[str, ...]
    detail: str = ""
    loses_data: bool = False
    policy: PolicySpec | None = None
    query: str | None = None
    restore: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """Something on the server that is not in the wanted schema: left alone, but reported."""

    kind: Kind
    database: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes, in order, and what is left alone."""

    changes: tuple[Change, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()


def plan(wanted: Iterable[DatabaseSpec], live: Iterable[DatabaseSpec]) -> Plan:
    """Return the changes that turn `live` into `wanted`."""
    specs = tuple(wanted)
    now = {database.name: database for database in live}
    databases = tuple(_create_database(spec.name) for spec in specs if spec.name not in now)
    made = {database.name: database for database in apply_to(now.values(), databases)}
    policies = tuple(change for spec in specs for change in _policy_changes(spec, made[spec.name].policies))
    queries = tuple(
        change for spec in specs for change in _query_changes(spec, made[spec.name].continuous_queries)
    )
    return Plan(
        changes=databases + policies + queries,
        unmanaged=tuple(_unmanaged({spec.name: spec for spec in specs}, now.values())),
    )


def apply_to(live: Iterable[DatabaseSpec], changes: Iterable[Change]) -> tuple[DatabaseSpec, ...]:
    """Return what `live` becomes by the changes, according to the rules of InfluxDB 1.x.

    A new database gets the policy `autogen`, unless the server is configured not to create it.
    """
    databases = {database.name: database for database in live}
    for change in changes:
        if change.kind == "database":
            own = PolicySpec(
                name=OWN_POLICY,
                duration=INFINITE,
                shard_duration=served_shard_duration(INFINITE),
                default=True,
            )
            databases[change.name] = DatabaseSpec(name=change.name, policies=(own,))
            continue
        database = databases[change.database]
        if change.policy is not None:
            databases[database.name] = replace(
                database, policies=_with_policy(database.policies, change.policy)
            )
        if change.query is not None:
            queries = {**database.continuous_queries, change.name: change.query}
            databases[database.name] = replace(database, continuous_queries=queries)
    return tuple(databases.values())


def _with_policy(policies: tuple[PolicySpec, ...], policy: PolicySpec) -> tuple[PolicySpec, ...]:
    """Return `policies` with `policy` replaced or appended; a new default supersedes the old one."""
    others = [replace(other, default=other.default and not policy.default) for other in policies]
    names = [other.name for other in others]
    if policy.name in names:
        others[names.index(policy.name)] = policy
    else:
        others.append(policy)
    return tuple(others)


def _create_database(name: str) -> Change:
    return Change(
        action="create",
        kind="database",
        database=name,
        name=name,
        statements=(influxql.create_database(name),),
    )


def _policy_changes(wanted: DatabaseSpec, live: tuple[PolicySpec, ...]) -> Iterator[Change]:
    """Yield the changes of a database's policies, each planned on top of the previous ones."""
    for policy in wanted.policies:
        change = _policy_change(wanted.name, policy, live)
        if change is not None and change.policy is not None:
            live = _with_policy(live, change.policy)
            yield change


def _policy_change(database: str, wanted: PolicySpec, live: tuple[PolicySpec, ...]) -> Change | None:
    """Return the change that the policy needs, if any."""
    found = next((policy for policy in live if policy.name == wanted.name), None)
    if found is None:
        statement = influxql.create_retention_policy(
            database,
            wanted.name,
            keep=wanted.duration,
            replication=wanted.replication,
            shards=wanted.shard_duration,
            default=wanted.default,
        )
        return Change(
            action="create",
            kind="retention policy",
            database=database,
            name=wanted.name,
            statements=(statement,),
            detail=described(wanted),
            policy=replace(wanted, shard_duration=_shard_duration(wanted, None)),
        )
    # A policy stops being the default only when another becomes it: InfluxQL has no other way.
    after = replace(
        wanted, shard_duration=_shard_duration(wanted, found), default=wanted.default or found.default
    )
    if after == found:
        return None
    # Only what differs is set, so that a simultaneous change by somebody else is not reverted.
    statement = influxql.alter_retention_policy(
        database,
        wanted.name,
        keep=None if after.duration == found.duration else after.duration,
        replication=None if after.replication == found.replication else after.replication,
        shards=None if after.shard_duration == found.shard_duration else after.shard_duration,
        default=after.default and not found.default,
    )
    return Change(
        action="alter",
        kind="retention policy",
        database=database,
        name=wanted.name,
        statements=(statement,),
        detail=difference(found, after),
        loses_data=_is_shorter(after.duration, found.duration),
        policy=after,
    )


def _shard_duration(wanted: PolicySpec, found: PolicySpec | None) -> int | None:
    """Return the shard duration after the change.

    A policy whose duration changes gets the shard duration of a new policy. Otherwise the server would keep
    the old one, and refuse a duration below it.
    """
    if wanted.shard_duration is not None:
        return max(wanted.shard_duration, SHORTEST)
    if found is not None and found.duration == wanted.duration:
        return found.shard_duration
    return served_shard_duration(wanted.duration)


def _is_shorter(new: int, old: int) -> bool:
    return new != INFINITE and (old == INFINITE or new < old)


def _query_changes(wanted: DatabaseSpec, live: Mapping[str, str]) -> Iterator[Change]:
    """Yield the changes of a database's continuous queries, which the server cannot alter."""
    for name, text in wanted.continuous_queries.items():
        found = live.get(name)
        if found == text:
            continue
        drop = () if found is None else (influxql.drop_continuous_query(wanted.name, name),)
        yield Change(
            action="create" if found is None else "replace",
            kind="continuous query",
            database=wanted.name,
            name=name,
            statements=(*drop, text),
            detail="" if found is None else f"was: {found}",
            query=text,
            restore=found,
        )


def _unmanaged(wanted: Mapping[str, DatabaseSpec], live: Iterable[DatabaseSpec]) -> Iterator[Unmanaged]:
    for database in live:
        if database.name not in wanted:
            if database.name != OWN_DATABASE:
                yield Unmanaged(kind="database", database=database.name, name=database.name)
            continue
        spec = wanted[database.name]
        known = {OWN_POLICY, *(policy.name for policy in spec.policies)}
        for policy in database.policies:
            if policy.name not in known:
                yield Unmanaged(kind="retention policy", database=database.name, name=policy.name)
        for name in database.continuous_queries:
            if name not in spec.continuous_queries:
                yield Unmanaged(kind="continuous query", database=database.name, name=name)
