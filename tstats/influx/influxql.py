"""InfluxQL: the only place where the common statements are made and names and values are quoted.

Statements come out in the server's own normal form (what SHOW CONTINUOUS QUERIES prints), so that a
statement made here and one read back compare as text.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from tstats.core.model import Rollup
from tstats.core.time import INFINITE, format_duration

# Source: the InfluxQL specification, and AND, OR, TRUE and FALSE, which InfluxDB 1.6 quotes too.
_KEYWORDS = frozenset(
    """
    ALL ALTER ANALYZE AND ANY AS ASC BEGIN BY CARDINALITY CONTINUOUS CREATE DATABASE DATABASES DEFAULT
    DELETE DESC DESTINATIONS DIAGNOSTICS DISTINCT DROP DURATION END EVERY EXACT EXPLAIN FALSE FIELD FOR
    FROM GRANT GRANTS GROUP GROUPS IN INF INSERT INTO KEY KEYS KILL LIMIT MEASUREMENT MEASUREMENTS NAME
    OFFSET ON OR ORDER PASSWORD POLICIES POLICY PRIVILEGES QUERIES QUERY READ REPLICATION RESAMPLE
    RETENTION REVOKE SELECT SERIES SET SHARD SHARDS SHOW SLIMIT SOFFSET STATS SUBSCRIPTION SUBSCRIPTIONS
    TAG TO TRUE USER USERS VALUES WHERE WITH WRITE
    """.split()  # noqa: SIM905 (a list of words reads as one)
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# The server's work on an OR grows with the square of its terms; up to so many it is less than an expression.
_MANY_VALUES = 50
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_-]")


def identifier(name: str) -> str:
    """Return a name as InfluxQL writes it: bare where possible, otherwise in double quotes."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in _KEYWORDS:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def string(value: str) -> str:
    """Return a string literal: the only way in which a foreign value enters a statement."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def source(database: str, policy: str, measurement: str) -> str:
    """Return a fully qualified measurement for FROM and INTO."""
    return f"{identifier(database)}.{identifier(policy)}.{identifier(measurement)}"


def create_database(name: str) -> str:
    """CREATE DATABASE; harmless when it exists."""
    return f"CREATE DATABASE {identifier(name)}"


def create_retention_policy(
    database: str, name: str, *, keep: int, replication: int, shards: int | None = None, default: bool = False
) -> str:
    """CREATE RETENTION POLICY; an error on the server when one of that name has other values.

    Args:
        database: where.
        name: the policy's.
        keep: how long points are kept, in ns; `INFINITE` keeps them forever.
        replication: copies in a cluster, at least 1.
        shards: the time that one shard covers, in ns; None leaves it to the server.
        default: make it the database's default.
    """
    return f"CREATE {_policy(database, name)}{_options(keep, replication, shards, default=default)}"


def alter_retention_policy(
    database: str,
    name: str,
    *,
    keep: int | None = None,
    replication: int | None = None,
    shards: int | None = None,
    default: bool = False,
) -> str:
    """ALTER RETENTION POLICY, with the arguments of `create_retention_policy`, one of them at least.

    What is None or False stays as it is. A shorter `keep` deletes points.
    """
    return f"ALTER {_policy(database, name)}{_options(keep, replication, shards, default=default)}"


def _policy(database: str, name: str) -> str:
    return f"RETENTION POLICY {identifier(name)} ON {identifier(database)}"


def _options(keep: int | None, replication: int | None, shards: int | None, *, default: bool) -> str:
    options = ""
    if keep is not None:
        options += f" DURATION {'INF' if keep == INFINITE else format_duration(keep)}"
    if replication is not None:
        options += f" REPLICATION {replication}"
    if shards is not None:
        options += f" SHARD DURATION {format_duration(shards)}"
    return options + (" DEFAULT" if default else "")


def show_databases() -> str:
    """SHOW DATABASES: one series with the column `name`."""
    return "SHOW DATABASES"


def show_retention_policies(database: str) -> str:
    """SHOW RETENTION POLICIES: columns name, duration, shardGroupDuration, replicaN, default."""
    return f"SHOW RETENTION POLICIES ON {identifier(database)}"


def show_continuous_queries() -> str:
    """SHOW CONTINUOUS QUERIES: one series a database, columns name and query."""
    return "SHOW CONTINUOUS QUERIES"


def select_rollup(rollup: Rollup, *, start: int | None = None, end: int | None = None) -> str:
    """Return the SELECT … INTO … of a rollup; without a window, the body of its continuous query.

    Args:
        rollup: what to compute.
        start: of the half-open window, in ns since the epoch; a whole interval begins there.
        end: of the window, given when `start` is. Intervals of a series without points are then left out,
            which changes nothing in what is written.
    """
    conditions = rollup_conditions(rollup)
    filled = ""
    if start is not None and end is not None:
        conditions += [f"time >= {start}", f"time < {end}"]
        filled = " fill(none)"
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    groups = ", ".join([by_time(rollup.interval), *rollup_tags(rollup)])
    return (
        f"SELECT {rollup.aggregate}(value) AS {identifier(rollup.field)} INTO {rollup_target(rollup)}"
        f" FROM {rollup_source(rollup)}{where} GROUP BY {groups}{filled}"
    )


def rollup_source(rollup: Rollup) -> str:
    """Return the measurement that a rollup is computed from, for FROM."""
    return source(rollup.database, rollup.source_policy, rollup.source)


def rollup_target(rollup: Rollup) -> str:
    """The measurement that a rollup is written to, as FROM and INTO take it."""
    return source(rollup.database, rollup.target_policy, rollup.target)


def rollup_conditions(rollup: Rollup) -> list[str]:
    """Return the conditions by which a rollup takes a part of its source; none where it takes all."""
    if rollup.condition is None:
        return []
    condition = rollup.condition
    return [f"{identifier(condition.tag)} {condition.operator} {string(condition.value)}"]


def rollup_tags(rollup: Rollup) -> list[str]:
    """Return the tags that a rollup groups by; `*` for all."""
    return ["*"] if rollup.tags is None else [identifier(tag) for tag in rollup.tags]


def create_continuous_query(rollup: Rollup) -> str:
    """Return the continuous query of a rollup, as SHOW CONTINUOUS QUERIES prints it."""
    return (
        f"CREATE CONTINUOUS QUERY {identifier(rollup.name)} ON {identifier(rollup.database)}"
        f" RESAMPLE FOR {format_duration(rollup.resample)} BEGIN {select_rollup(rollup)} END"
    )


def drop_continuous_query(database: str, name: str) -> str:
    """DROP CONTINUOUS QUERY: the first half of replacing one, since none can be altered."""
    return f"DROP CONTINUOUS QUERY {identifier(name)} ON {identifier(database)}"


def show_field_keys(database: str, policy: str) -> str:
    """SHOW FIELD KEYS of every measurement of one retention policy, with the types of the fields."""
    return f"SHOW FIELD KEYS ON {identifier(database)} FROM {identifier(policy)}./.*/"


def show_all_field_keys(database: str) -> str:
    """SHOW FIELD KEYS of every measurement of a database, in all its retention policies together."""
    return f"SHOW FIELD KEYS ON {identifier(database)}"


def show_tag_keys(database: str, policy: str) -> str:
    """SHOW TAG KEYS of every measurement; the server looks into all policies, whatever is asked."""
    return f"SHOW TAG KEYS ON {identifier(database)} FROM {identifier(policy)}./.*/"


def show_tag_values(database: str, policy: str, measurement: str, key: str) -> str:
    """SHOW TAG VALUES of one tag of one measurement."""
    origin = f"{identifier(policy)}.{identifier(measurement)}"
    return f"SHOW TAG VALUES ON {identifier(database)} FROM {origin} WITH KEY = {identifier(key)}"


def show_series(database: str, policy: str, measurement: str, *, conditions: Iterable[str] = ()) -> str:
    """SHOW SERIES of one measurement; `conditions` of tags must all hold."""
    origin = f"{identifier(policy)}.{identifier(measurement)}"
    where = " AND ".join(conditions)
    chosen = f" WHERE {where}" if where else ""
    return f"SHOW SERIES ON {identifier(database)} FROM {origin}{chosen}"


def show_shard_groups() -> str:
    """SHOW SHARD GROUPS: which times of which retention policy hold points; of all databases."""
    return "SHOW SHARD GROUPS"


def show_shards() -> str:
    """SHOW SHARDS: a series per database, with the ids, policies and times of its shards."""
    return "SHOW SHARDS"


def show_measurements(database: str) -> str:
    """SHOW MEASUREMENTS: one series with the column `name`; of all policies."""
    return f"SHOW MEASUREMENTS ON {identifier(database)}"


def typed(name: str, kind: str) -> str:
    """Return a column with its type (`float`, `integer`, `boolean`, `string`, `tag`, or `field` for any).

    A tag and a field may share a name: the type says which is meant.
    """
    return f"{identifier(name)}::{kind}"


def one_of(tag: str, values: Collection[str]) -> str:
    """Return the condition that a tag has one of some values; the empty value is a tag that is not set."""
    name = typed(tag, "tag")
    if len(values) <= _MANY_VALUES:
        return f"({' OR '.join(f'{name} = {string(value)}' for value in values)})"
    unset = [f"{name} = ''"] if "" in values else []
    pattern = "|".join(_NOT_PLAIN.sub(_escaped, value) for value in values if value)
    return f"({' OR '.join([*unset, f'{name} =~ /^({pattern})$/'])})"


def _escaped(character: re.Match[str]) -> str:
    """Return a character as its number, which the server interprets nowhere."""
    return f"\\x{{{ord(character[0]):x}}}"


def one_series_of(series: Iterable[Mapping[str, str]]) -> str:
    """Return the condition that a point belongs to one of some series, each given by its tags."""
    conditions = (
        " AND ".join(f"{typed(tag, 'tag')} = {string(value)}" for tag, value in sorted(tags.items()))
        for tags in series
    )
    return f"({' OR '.join(f'({condition})' for condition in conditions)})"


def select(
    selected: Iterable[str],
    origin: str,
    *,
    start: int,
    end: int,
    conditions: Iterable[str] = (),
    groups: Iterable[str] = (),
    limit: int | None = None,
    newest: bool = False,
) -> str:
    """Return a SELECT over the half-open window `[start, end)`, in ns since the epoch.

    Args:
        selected: columns or functions of them.
        origin: as `source` makes it.
        start: the window's first moment.
        end: the first moment after it.
        conditions: of tags, as `one_of` makes them; all of them must hold.
        groups: tags as `typed` makes them, or `by_time`.
        limit: at most so many rows of each series.
        newest: the newest rows first.
    """
    where = " AND ".join([f"time >= {start}", f"time < {end}", *conditions])
    by = ", ".join(groups)
    grouped = f" GROUP BY {by}" if by else ""
    # Without a fill, the server would send a row for each empty interval of each series.
    filled = " fill(none)" if "time(" in by else ""
    order = " ORDER BY time DESC" if newest else ""
    most = "" if limit is None else f" LIMIT {limit}"
    return f"SELECT {', '.join(selected)} FROM {origin} WHERE {where}{grouped}{filled}{order}{most}"


def by_time(interval: int) -> str:
    """Return the GROUP BY of intervals of so many ns."""
    return f"time({format_duration(interval)})"


def delete_moment(measurement: str, *, time: int, tags: Mapping[str, str]) -> str:
    """Return the DELETE of the points at one time, in ns, that have these tags, whatever others they have.

    DELETE knows no retention policies: it works on the whole database.
    """
    conditions = "".join(f" AND {identifier(tag)} = {string(value)}" for tag, value in sorted(tags.items()))
    return f"DELETE FROM {identifier(measurement)} WHERE time = {time}{conditions}"
