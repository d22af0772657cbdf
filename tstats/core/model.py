"""The types of the catalog: databases with their retention policies and rollups, and daily summaries.

Durations are integer nanoseconds; `INFINITE` (0) keeps points forever.
"""

from dataclasses import dataclass
from typing import Literal

from tstats.core.time import MINUTE

Aggregate = Literal["mean", "sum", "max"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionPolicy:
    """A retention policy as it should be.

    Attributes:
        name: the name in its database.
        duration: how long points are kept, in ns; `INFINITE` keeps them forever.
        default: whether writes and queries that name no policy use this policy.
    """

    name: str
    duration: int
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition on a tag that limits a rollup to a part of its source."""

    tag: str
    operator: Literal["=", "!="]
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """A measurement that is computed from another measurement, interval by interval.

    Attributes:
        name: the name of its continuous query.
        database: the database of source and target.
        source_policy, source: the retention policy and measurement that are read.
        target_policy, target: the retention policy and measurement that are written.
        aggregate: the function over the source's field `value` in each interval.
        field: the field of the target.
        interval: the length of an interval, in ns.
        tags: the tags that the target keeps; None keeps all.
        condition: limits the rollup to a part of the source; None takes all of it.
        resample: how far back the continuous query recomputes, in ns (RESAMPLE FOR).
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
class CatalogDatabase:
    """A database with its retention policies and rollups; each rollup comes after those it reads."""

    name: str
    policies: tuple[RetentionPolicy, ...]
    rollups: tuple[Rollup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySource:
    """The one-minute values, in kbps, that days are summarized from: of CDNs, or of their delivery services.

    Attributes:
        database, policy, measurement: where the values are.
        tags: the tags that identify a summary's subject; the first is the CDN.
    """

    database: str
    policy: str
    measurement: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySummary:
    """A statistic of a day: an aggregate of its one-minute values, converted to another unit.

    Attributes:
        name: the measurement in InfluxDB and the stat_name in SQL.
        aggregate: the function over the day's one-minute values, which are in kbps.
        multiplier, divisor: the statistic is the aggregate times `multiplier`, divided by `divisor`.
        unit: the unit of the statistic.
    """

    name: str
    aggregate: Literal["max", "sum"]
    multiplier: int = 1
    divisor: int
    unit: str
