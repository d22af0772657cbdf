"""The arithmetic of a day: from the traffic of each CDN or delivery service to its summaries. Pure.

A day is the half-open window [00:00, 24:00) in UTC; its first minute counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import isclose
from typing import NamedTuple

from tstats.core.model import DailySummary
from tstats.core.time import DAY
from tstats.core.windows import Window

ALL = "all"  # stands for a delivery service in the summaries of a whole CDN
_EPOCH = date(1970, 1, 1)
# Servers add up the same minutes in different orders: the last bits may vary.
_TOLERANCE = 1e-12


class SummaryKey(NamedTuple):
    """What identifies a summary: for each key there is one row, and one point."""

    cdn: str
    deliveryservice: str
    stat: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTraffic:
    """The one-minute values of a day, aggregated.

    Attributes:
        cdn, deliveryservice: whose traffic it is; `all` for the CDN itself.
        maximum: the largest value, in kbps.
        at: the first minute with that value, in ns since the epoch.
        total: the sum of the values, in kbps.
    """

    cdn: str
    deliveryservice: str = ALL
    maximum: float
    at: int
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The value of a statistic for a day.

    Attributes:
        key: what it summarizes.
        value: in the unit of the statistic.
        time: the time of its point in InfluxDB, within the day, in ns since the epoch.
    """

    key: SummaryKey
    value: float
    time: int


def window_of(day: date) -> Window:
    """Return the window of a day in UTC.

    >>> str(window_of(date(2026, 11, 20)))
    '2026-11-20T00:00:00Z/2026-11-21T00:00:00Z'
    """
    start = (day - _EPOCH).days * DAY
    return Window(start=start, end=start + DAY)


def day_of(moment: int) -> date:
    """Return the day in UTC of a time in ns since the epoch.

    >>> day_of(-1)
    datetime.date(1969, 12, 31)
    """
    return _EPOCH + timedelta(days=moment // DAY)


def last_settled(now: int, settling: int) -> date:
    """Return the last day that ended at least `settling` ns ago.

    >>> last_settled(10 * DAY + 9, 10), last_settled(10 * DAY + 10, 10)
    (datetime.date(1970, 1, 9), datetime.date(1970, 1, 10))
    """
    return day_of(now - settling) - timedelta(days=1)


def days_between(first: date, last: date) -> list[date]:
    """Return the days from `first` to `last`, including both; none if `first` is later."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def first_whole_day_since(moment: int) -> date:
    """Return the first day that starts at or after a time in ns since the epoch."""
    return day_of(moment + DAY - 1)


def summarize(day: date, traffic: DayTraffic, definitions: Iterable[DailySummary]) -> list[Summary]:
    """Return the summaries of one CDN or delivery service.

    The point of a maximum has the time of its minute, that of a sum the start of the day.

    >>> from tstats.catalog import DAILY_SUMMARIES
    >>> traffic = DayTraffic(cdn="cdn1", maximum=2_299_500, at=0, total=3_072_040_000.0)
    >>> [summary.value for summary in summarize(date(1970, 1, 1), traffic, DAILY_SUMMARIES)]
    [2.2995, 23.0403]
    """
    aggregates = {"max": (traffic.maximum, traffic.at), "sum": (traffic.total, window_of(day).start)}
    found = []
    for definition in definitions:
        value, time = aggregates[definition.aggregate]
        key = SummaryKey(
            cdn=traffic.cdn, deliveryservice=traffic.deliveryservice, stat=definition.name, day=day
        )
        scaled = value * definition.multiplier / definition.divisor
        found.append(Summary(key=key, value=scaled, time=time))
    return found


def is_same(recorded: float | None, value: float) -> bool:
    """Return whether a recorded value equals a computed one, up to the last bits."""
    return recorded is not None and isclose(recorded, value, rel_tol=_TOLERANCE)


def is_missing(summary: Summary, points: Mapping[int, float]) -> bool:
    """Return whether the day's points, given by time, lack the summary's point or its value."""
    return not is_same(points.get(summary.time), summary.value)


def stale_times(summary: Summary, points: Mapping[int, float]) -> list[int]:
    """Return the times of the day's points that earlier values of the summary have left behind."""
    return sorted(time for time in points if time != summary.time)
