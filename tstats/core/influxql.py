"""The only place where InfluxQL is made and quoted.

Statements come out in the server's own normal form (what SHOW CONTINUOUS QUERIES prints), so that a
statement made here and one read back compare as text.
"""

import re

from tstats.core.schema import INFINITE, Rollup

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
_UNITS = (
    ("w", 7 * 24 * 3600 * 10**9),
    ("d", 24 * 3600 * 10**9),
    ("h", 3600 * 10**9),
    ("m", 60 * 10**9),
    ("s", 10**9),
    ("ms", 10**6),
    ("u", 10**3),
    ("ns", 1),
)
_GO_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d{1,9}))?s)?", re.ASCII)


def identifier(name: str) -> str:
    """A name as InfluxQL writes it: bare where it can be, else in double quotes."""
    if _PLAIN_NAME.fullmatch(name) and name.upper() not in _KEYWORDS:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def string(value: str) -> str:
    """A string literal: the only way in which a value of somebody else's enters a statement."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def duration(nanoseconds: int) -> str:
    """A duration literal in the largest unit that divides it (as the server prints it)."""
    if nanoseconds <= 0:
        raise ValueError(f"a duration is positive, not {nanoseconds} ns")
    return next(f"{nanoseconds // size}{unit}" for unit, size in _UNITS if nanoseconds % size == 0)


def parse_go_duration(text: str) -> int:
    """The nanoseconds of a duration as SHOW RETENTION POLICIES prints it (`26h0m0s`; `0s` is for ever).

    Policies last an hour or more, so Go's units below the second (`1.5ms`) do not occur; a fraction of a
    second (`1h0m0.001s`) does.

    Raises:
        ValueError: the text is no such duration.
    """
    match = _GO_DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError(f"no duration: {text!r}")
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 10**9 + int(fraction.ljust(9, "0"))


def source(database: str, policy: str, measurement: str) -> str:
    """A fully qualified measurement for FROM and INTO."""
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
        keep: how long points are kept, in ns; `INFINITE` keeps them for ever.
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
        options += f" DURATION {'INF' if keep == INFINITE else duration(keep)}"
    if replication is not None:
        options += f" REPLICATION {replication}"
    if shards is not None:
        options += f" SHARD DURATION {duration(shards)}"
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


def select_rollup(rollup: Rollup) -> str:
    """The SELECT … INTO … of a rollup, without bounds of time: the body of its continuous query."""
    into = source(rollup.database, rollup.target_policy, rollup.target)
    origin = source(rollup.database, rollup.source_policy, rollup.source)
    where = ""
    if rollup.condition is not None:
        condition = rollup.condition
        where = f" WHERE {identifier(condition.tag)} {condition.operator} {string(condition.value)}"
    tags = ["*"] if rollup.tags is None else [identifier(tag) for tag in rollup.tags]
    groups = ", ".join([f"time({duration(rollup.interval)})", *tags])
    return (
        f"SELECT {rollup.aggregate}(value) AS {identifier(rollup.field)} INTO {into}"
        f" FROM {origin}{where} GROUP BY {groups}"
    )


def create_continuous_query(rollup: Rollup) -> str:
    """The continuous query of a rollup, as SHOW CONTINUOUS QUERIES prints it."""
    return (
        f"CREATE CONTINUOUS QUERY {identifier(rollup.name)} ON {identifier(rollup.database)}"
        f" RESAMPLE FOR {duration(rollup.resample)} BEGIN {select_rollup(rollup)} END"
    )


def drop_continuous_query(database: str, name: str) -> str:
    """DROP CONTINUOUS QUERY: the first half of replacing one, since none can be altered."""
    return f"DROP CONTINUOUS QUERY {identifier(name)} ON {identifier(database)}"
