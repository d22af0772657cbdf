"""What has to change so that a server's schema is what it should be: a pure planner.

One type, `DatabaseSpec`, describes both what should be and what is, so the schema of one server can be the
wish for another. The planner's invariants, which a property test holds:

- it converges: `plan(wanted, apply_to(live, plan(wanted, live).changes)).changes` is empty;
- only what is wanted is compared, and nothing is ever dropped but a continuous query that is made anew;
- a change that deletes points says so (`loses_data`): only a shortened duration does;
- databases come before policies and policies before continuous queries, over all databases, since a
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

__all__ = ["Change", "DatabaseSpec", "Plan", "PolicySpec", "Unmanaged", "apply_to", "plan"]

Action = Literal["create", "alter", "replace"]
Kind = Literal["database", "retention policy", "continuous query"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a plan.

    Attributes:
        action, kind, database, name: what is done to what.
        statements: to be sent in this order, in one request.
        detail: what differs, for people: `duration 26h → 720h`.
        loses_data: whether it deletes points.
        policy: the policy as it is afterwards (only for policies; its shard duration is never None).
        query: the continuous query as it is afterwards (only for those).
        restore: the statement that puts back what the first of several statements took away, for when a
            later one fails.
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
    """Something that the server has and the wish does not name: left alone, and told."""

    kind: Kind
    database: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to change, in order, and what is left alone."""

    changes: tuple[Change, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()


def plan(wanted: Iterable[DatabaseSpec], live: Iterable[DatabaseSpec]) -> Plan:
    """The changes that make `live` what is `wanted`."""
    wishes = tuple(wanted)
    now = {database.name: database for database in live}
    databases = tuple(_create_database(wish.name) for wish in wishes if wish.name not in now)
    made = {database.name: database for database in apply_to(now.values(), databases)}
    policies = tuple(change for wish in wishes for change in _policy_changes(wish, made[wish.name].policies))
    queries = tuple(
        change for wish in wishes for change in _query_changes(wish, made[wish.name].continuous_queries)
    )
    return Plan(
        changes=databases + policies + queries,
        unmanaged=tuple(_unmanaged({wish.name: wish for wish in wishes}, now.values())),
    )


def apply_to(live: Iterable[DatabaseSpec], changes: Iterable[Change]) -> tuple[DatabaseSpec, ...]:
    """What `live` is after the changes, as far as InfluxDB 1.x is understood here.

    A new database has the policy `autogen`, unless the server is set not to make it.
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
    """`policies` with `policy` in its place or at the end; a new default takes over from the old one."""
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


def _policy_changes(wish: DatabaseSpec, live: tuple[PolicySpec, ...]) -> Iterator[Change]:
    """The changes of a database's policies, each planned upon those before: a default moves on the way."""
    for policy in wish.policies:
        change = _policy_change(wish.name, policy, live)
        if change is not None and change.policy is not None:
            live = _with_policy(live, change.policy)
            yield change


def _policy_change(database: str, wish: PolicySpec, live: tuple[PolicySpec, ...]) -> Change | None:
    """The change that the policy needs, if any."""
    found = next((policy for policy in live if policy.name == wish.name), None)
    if found is None:
        statement = influxql.create_retention_policy(
            database,
            wish.name,
            keep=wish.duration,
            replication=wish.replication,
            shards=wish.shard_duration,
            default=wish.default,
        )
        return Change(
            action="create",
            kind="retention policy",
            database=database,
            name=wish.name,
            statements=(statement,),
            detail=described(wish),
            policy=replace(wish, shard_duration=_shard_duration(wish, None)),
        )
    # A default is never taken away, only taken over: InfluxQL has no other way.
    after = replace(wish, shard_duration=_shard_duration(wish, found), default=wish.default or found.default)
    if after == found:
        return None
    # Only what differs is said: nothing is set back that somebody else changes at this moment.
    statement = influxql.alter_retention_policy(
        database,
        wish.name,
        keep=None if after.duration == found.duration else after.duration,
        replication=None if after.replication == found.replication else after.replication,
        shards=None if after.shard_duration == found.shard_duration else after.shard_duration,
        default=after.default and not found.default,
    )
    return Change(
        action="alter",
        kind="retention policy",
        database=database,
        name=wish.name,
        statements=(statement,),
        detail=difference(found, after),
        loses_data=_is_shorter(after.duration, found.duration),
        policy=after,
    )


def _shard_duration(wish: PolicySpec, found: PolicySpec | None) -> int | None:
    """The shard duration after the change.

    A policy whose duration changes gets the shards of one made anew: the server keeps the old ones else,
    and refuses a duration below theirs.
    """
    if wish.shard_duration is not None:
        return max(wish.shard_duration, SHORTEST)
    if found is not None and found.duration == wish.duration:
        return found.shard_duration
    return served_shard_duration(wish.duration)


def _is_shorter(new: int, old: int) -> bool:
    return new != INFINITE and (old == INFINITE or new < old)


def _query_changes(wish: DatabaseSpec, live: Mapping[str, str]) -> Iterator[Change]:
    """The changes of a database's continuous queries: the server has no way to alter one."""
    for name, text in wish.continuous_queries.items():
        found = live.get(name)
        if found == text:
            continue
        drop = () if found is None else (influxql.drop_continuous_query(wish.name, name),)
        yield Change(
            action="create" if found is None else "replace",
            kind="continuous query",
            database=wish.name,
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
        wish = wanted[database.name]
        known = {OWN_POLICY, *(policy.name for policy in wish.policies)}
        for policy in database.policies:
            if policy.name not in known:
                yield Unmanaged(kind="retention policy", database=database.name, name=policy.name)
        for name in database.continuous_queries:
            if name not in wish.continuous_queries:
                yield Unmanaged(kind="continuous query", database=database.name, name=name)
