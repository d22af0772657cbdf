"""The arithmetic of a day: from the traffic of each CDN or delivery service to its summaries.

A day is the half-open window [00:00, 24:00) in UTC; its first minute counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import isclose
from typing import NamedTuple

from tstats.core.model import DailySummary
from tstats.core.time import DAY
from tstats.core.windows import Window

ALL = "all"  # the delivery service of a summary that is of the whole CDN
_EPOCH = date(1970, 1, 1)
# Servers add up the same minutes in another order: the last bits may differ.
_SAME = 1e-12


class Key(NamedTuple):
    """What a summary is of: there is one row, and one point, of each."""

    cdn: str
    deliveryservice: str
    stat: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """The minutes of a day, aggregated.

    Attributes:
        cdn, deliveryservice: whose; `all` for the CDN itself.
        maximum: of the minutes' values, in kbps.
        at: the first minute that has the maximum, in ns since the epoch.
        total: the sum of the minutes' values, in kbps.
    """

    cdn: str
    deliveryservice: str = ALL
    maximum: float
    at: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A statistic of a day.

    Attributes:
        key: what it is of.
        value: in the unit of its definition.
        time: where its point stands in InfluxDB, in ns since the epoch; within its day.
    """

    key: Key
    value: float
    time: int


def window(day: date) -> Window:
    """The moments of a day in UTC.

    >>> str(window(date(2026, 11, 20)))
    '2026-11-20T00:00:00Z/2026-11-21T00:00:00Z'
    """
    start = (day - _EPOCH).days * DAY
    return Window(start=start, end=start + DAY)


def day_of(moment: int) -> date:
    """The day in UTC of a moment in ns since the epoch.

    >>> day_of(-1)
    datetime.date(1969, 12, 31)
    """
    return _EPOCH + timedelta(days=moment // DAY)


def last_settled(now: datetime, settle_minutes: int) -> date:
    """The last day that ended at least `settle_minutes` ago.

    >>> last_settled(datetime(2026, 11, 21, 0, 9, tzinfo=UTC), 10)
    datetime.date(2026, 11, 19)
    >>> last_settled(datetime(2026, 11, 21, 0, 10, tzinfo=UTC), 10)
    datetime.date(2026, 11, 20)
    """
    return (now.astimezone(UTC) - timedelta(minutes=settle_minutes)).date() - timedelta(days=1)


def days_between(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both counted in; none where `first` is the later one."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def whole_days_since(moment: int) -> date:
    """The first day that begins at or after a moment in ns since the epoch."""
    return day_of(moment + DAY - 1)


def summarize(day: date, traffic: Traffic, definitions: Iterable[DailySummary]) -> list[Summary]:
    """The summaries of one CDN or delivery service.

    A maximum's point stands at its minute, a sum's at the beginning of the day.

    >>> from tstats.catalog import DAILY_SUMMARIES
    >>> traffic = Traffic(cdn="cdn1", maximum=2_299_500, at=0, total=3_072_040_000.0)
    >>> [summary.value for summary in summarize(date(1970, 1, 1), traffic, DAILY_SUMMARIES)]
    [2.2995, 23.0403]
    """
    aggregates = {"max": (traffic.maximum, traffic.at), "sum": (traffic.total, window(day).start)}
    found = []
    for definition in definitions:
        value, time = aggregates[definition.aggregate]
        found.append(
            Summary(
                key=Key(
                    cdn=traffic.cdn, deliveryservice=traffic.deliveryservice, stat=definition.name, day=day
                ),
                value=value * definition.multiplier / definition.divisor,
                time=time,
            )
        )
    return found


def same(one: float | None, other: float) -> bool:
    """Whether a value is there already."""
    return one is not None and isclose(one, other, rel_tol=_SAME)


def is_missing(summary: Summary, points: Mapping[int, float]) -> bool:
    """Whether a summary's point is not among those that its day has, by time, or has another value."""
    return not same(points.get(summary.time), summary.value)


def stale(summary: Summary, points: Mapping[int, float]) -> list[int]:
    """The times of the points that another maximum has left behind in the summary's day."""
    return sorted(time for time in points if time != summary.time)
