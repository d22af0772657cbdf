"""What a database consists of: retention policies, and the rollups that fill them.

Durations are whole nanoseconds; `INFINITE` (0) keeps points for ever.
"""

from dataclasses import dataclass
from typing import Literal

from tstats.core.time import MINUTE

Aggregate = Literal["mean", "sum", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """A retention policy as it should be.

    Attributes:
        name: its name in its database.
        duration: how long points are kept, in ns; `INFINITE` keeps them for ever.
        default: whether writes and queries that name no policy use this one.
    """

    name: str
    duration: int
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The tag condition by which a rollup takes only a part of its source."""

    tag: str
    operator: Literal["=", "!="]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """A measurement computed from another one, interval by interval.

    Attributes:
        name: the name of its continuous query.
        database: the database of source and target.
        source_policy, source: where the points come from.
        target_policy, target: where the result goes.
        aggregate: the function over the source's field `value` in each interval.
        field: the field of the target.
        interval: in ns.
        tags: the tags that the target keeps; None keeps all.
        condition: the part of the source that is taken; None takes all.
        resample: how far back the continuous query recomputes, in ns.
    """

    name: str
    database: str
    source_policy: str
    source: str
    target_policy: str
    target: str
    aggregate: Aggregate
    field: str = "value"
    interval: int = MINUTE
    tags: tuple[str, ...] | None = None
    condition: Condition | None = None
    resample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database with its retention policies and rollups, sources before what is made from them."""

    name: str
    policies: tuple[RetentionPolicy, ...]
    rollups: tuple[Rollup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySource:
    """The one-minute values, in kbps, that the days of a CDN or of its delivery services are summarized from.

    Attributes:
        database, policy, measurement: where they are.
        tags: what each summary is of; the first is the CDN.
    """

    database: str
    policy: str
    measurement: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySummary:
    """A statistic of a day: an aggregate over its one-minute values, in another unit.

    Attributes:
        name: its measurement in InfluxDB and its stat_name in SQL.
        aggregate: over the values v of the day's minutes, in kbps.
        multiplier, divisor: the statistic is the aggregate, times the one, divided by the other.
        unit: of the statistic.
    """

    name: str
    aggregate: Literal["max", "sum"]
    multiplier: int = 1
    divisor: int
    unit: str
