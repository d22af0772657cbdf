"""The schema of a database, wanted or live: what the planner compares.

Durations are whole nanoseconds; `INFINITE` (0) keeps points forever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tstats.core.time import DAY, HOUR, INFINITE, format_duration

# What the server creates itself.
OWN_DATABASE = "_internal"
OWN_POLICY = "autogen"

# The server raises a shorter shard duration to this, and refuses a shorter retention policy.
SHORTEST = HOUR


def served_shard_duration(duration: int) -> int:
    """Return the shard duration that the server chooses for a policy of this duration (both in ns).

    Source: `shardGroupDuration` in services/meta/data.go of InfluxDB 1.x.
    """
    if duration == INFINITE or duration >= 180 * DAY:
        return 7 * DAY
    return DAY if duration >= 2 * DAY else HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """A retention policy.

    Attributes:
        name: unique in its database.
        duration: how long points are kept, in ns; `INFINITE` (0) keeps them forever.
        shard_duration: the time that a shard covers, in ns; None leaves it to the server.
        replication: copies in a cluster, at least 1.
        default: whether writes and queries that name no policy use this one.
    """

    name: str
    duration: int
    shard_duration: int | None = None
    replication: int = 1
    default: bool = False

    def __post_init__(self) -> None:
        if self.duration < 0 or (self.shard_duration is not None and self.shard_duration <= 0):
            raise ValueError(
                f"policy {self.name!r}: the duration is negative, or the shard duration is not positive"
            )
        if self.replication < 1:
            raise ValueError(f"policy {self.name!r}: {self.replication} replicas; at least 1 is required")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSpec:
    """A database with its retention policies and continuous queries.

    Attributes:
        name: of the database.
        policies: at most one is the default.
        continuous_queries: the whole CREATE statement as the server formats it, by name; a query comes after
            those that write its source.
    """

    name: str
    policies: tuple[PolicySpec, ...] = ()
    continuous_queries: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if len(set(names)) < len(names):
            raise ValueError(f"database {self.name!r}: two policies have the same name: {names}")
        if sum(policy.default for policy in self.policies) > 1:
            raise ValueError(f"database {self.name!r}: more than one default policy")


def described(policy: PolicySpec) -> str:
    """Return a short description of a policy: `duration 26h, replication 3, default`."""
    parts = [f"duration {_shown(policy.duration)}", f"replication {policy.replication}"]
    if policy.shard_duration is not None:
        parts.append(f"shards {_shown(policy.shard_duration)}")
    if policy.default:
        parts.append("default")
    return ", ".join(parts)


def difference(old: PolicySpec, new: PolicySpec) -> str:
    """Return what changes from `old` to `new`: `duration 26h → 720h, shards 1h → 24h`."""
    parts = []
    if old.duration != new.duration:
        parts.append(f"duration {_shown(old.duration)} → {_shown(new.duration)}")
    if old.replication != new.replication:
        parts.append(f"replication {old.replication} → {new.replication}")
    if old.shard_duration != new.shard_duration:
        parts.append(f"shards {_shown(old.shard_duration)} → {_shown(new.shard_duration)}")
    if old.default != new.default:
        parts.append("becomes the default")
    return ", ".join(parts)


def _shown(duration: int | None) -> str:
    """Return a duration as SHOW formats it: in hours where they are whole."""
    if duration is None:
        return "chosen by the server"
    if duration == INFINITE:
        return "INF"
    return f"{duration // HOUR}h" if duration % HOUR == 0 else format_duration(duration)
