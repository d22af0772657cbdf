"""A database's schema, as it should be or as it is: what the planner compares.

Durations are whole nanoseconds; `INFINITE` (0) keeps points for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tstats.core.time import DAY, HOUR, INFINITE, format_duration

# What the server makes and keeps by itself.
OWN_DATABASE = "_internal"
OWN_POLICY = "autogen"

# The server raises a shorter shard duration to this, and refuses a shorter policy.
SHORTEST = HOUR


def served_shard_duration(duration: int) -> int:
    """The shard duration that the server picks for a policy of this duration (both in ns).

    Source: `shardGroupDuration` in services/meta/data.go of InfluxDB 1.x.
    """
    if duration == INFINITE or duration >= 180 * DAY:
        return 7 * DAY
    return DAY if duration >= 2 * DAY else HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """A retention policy.

    Attributes:
        name: its name in its database.
        duration: how long points are kept, in ns; `INFINITE` (0) keeps them for ever.
        shard_duration: the time that one shard covers, in ns; None is whatever the server picks.
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
                f"a duration of the policy {self.name!r} is negative, or its shards last nothing"
            )
        if self.replication < 1:
            raise ValueError(f"the policy {self.name!r} has {self.replication} replicas; 1 is the least")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSpec:
    """A database with its retention policies and continuous queries.

    Attributes:
        name: the database's.
        policies: one at most is the default.
        continuous_queries: the whole CREATE statement in the server's normal form, by name; a query comes
            after those that make its source.
    """

    name: str
    policies: tuple[PolicySpec, ...] = ()
    continuous_queries: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [policy.name for policy in self.policies]
        if len(set(names)) < len(names):
            raise ValueError(f"the database {self.name!r} has two policies of one name: {names}")
        if sum(policy.default for policy in self.policies) > 1:
            raise ValueError(f"the database {self.name!r} has more than one default policy")


def described(policy: PolicySpec) -> str:
    """A new policy in a few words: `duration 26h, replication 3, default`."""
    parts = [f"duration {_shown(policy.duration)}", f"replication {policy.replication}"]
    if policy.shard_duration is not None:
        parts.append(f"shards {_shown(policy.shard_duration)}")
    if policy.default:
        parts.append("default")
    return ", ".join(parts)


def difference(old: PolicySpec, new: PolicySpec) -> str:
    """What changes from `old` to `new`: `duration 26h → 720h, shards 1h → 24h`."""
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
    """A duration as operators of InfluxDB read it: in hours where they are whole, as SHOW does."""
    if duration is None:
        return "as the server picks"
    if duration == INFINITE:
        return "INF"
    return f"{duration // HOUR}h" if duration % HOUR == 0 else format_duration(duration)
