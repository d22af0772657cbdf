"""What a request for statistics asks: parsed and checked in Traffic Ops' order, with its words.

The order of the checks is a promise: of several faults, the first one is answered.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from tstats.api.http.problem import Problem
from tstats.api.statistics.negotiation import Timestamps, negotiated
from tstats.core.model import Rollup
from tstats.core.time import MINUTE, NEWEST, OLDEST, SECOND, format_duration, parse_time

Parameters = Mapping[str, str]
Metrics = Mapping[str, Rollup]
"""The rollup that each metric is read from, by the metric's name."""

QueryT = TypeVar("QueryT", bound="StatsQuery")
_BAD, _NOT_ACCEPTABLE = 400, 406
_COUNT = re.compile(r"[0-9]+")
_INTERVAL = re.compile(r"([0-9]+)([mhdw])")
_UNITS = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}  # in minutes
_MOST_UINT, _MOST_INT = 2**64 - 1, 2**63 - 1
_DIGITS = 20  # of a number of 64 bits

CACHE_STATS_REQUIRED: Final = ("metricType", "startDate", "endDate", "cdnName")
DELIVERYSERVICE_STATS_REQUIRED: Final = ("metricType", "startDate", "endDate")


class StatsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of statistics ask for.

    Attributes:
        metric: its name, as the request gave it.
        rollup: where its points are.
        start, end: the range, in ns since the epoch; may be of no length, or of less.
        inclusive: whether a point that stands at `start` or `end` belongs to it.
        interval: of a bucket, in ns.
        limit: rows at most; None and 0 are all.
        offset: rows to leave out before.
        series, summary: which of the two is wanted.
        timestamps: how times are written.
    """

    metric: str
    rollup: Rollup
    start: int
    end: int
    inclusive: bool
    interval: int = MINUTE
    limit: int | None = None
    offset: int | None = None
    series: bool = True
    summary: bool = True
    timestamps: Timestamps = "rfc"

    @property
    def imaginable(self) -> bool:
        """Whether InfluxDB can name both ends of the range; nothing is outside of what it can name."""
        return OLDEST <= self.start <= NEWEST and OLDEST <= self.end <= NEWEST

    @property
    def bucket_offset(self) -> int:
        """Where buckets begin in their interval, in ns: the first one at the whole second of `start`."""
        return self.start // SECOND * SECOND % self.interval

    def buckets(self, interval: int) -> int:
        """How many rows the series has when its buckets are of so many ns."""
        length = self.end - self.start // SECOND * SECOND
        if self.end < self.start or (self.end == self.start and not self.inclusive):
            return 0
        return length // interval + 1 if self.inclusive else -(-length // interval)


class CacheStatsQuery(StatsQuery, frozen=True, kw_only=True):
    """GET cache_stats; `cdn` may not exist."""

    cdn: str


class DeliveryServiceStatsQuery(StatsQuery, frozen=True, kw_only=True):
    """GET deliveryservice_stats: of the xmlId `name`, else of `id_or_name`; it may not exist."""

    name: str | None
    id_or_name: str | None

    @property
    def asked(self) -> str:
        """The delivery service in the words of the request."""
        return self.name if self.name is not None else self.id_or_name or ""


def parse_cache_stats(parameters: Parameters, accept: str, metrics: Metrics, *, most: int) -> CacheStatsQuery:
    """What a request to cache_stats asks.

    Args:
        parameters: of its URL.
        accept: its header Accept; empty when it has none.
        metrics: those that there are.
        most: rows of a series that are given at most.

    Raises:
        Problem: 400 or 406, with the first fault.
    """
    common = _common(parameters, accept, CACHE_STATS_REQUIRED)
    name = parameters["metricType"]
    if name not in metrics:
        raise Problem(_BAD, f"Unknown metric type: {name}")
    query = CacheStatsQuery(
        metric=name, rollup=metrics[name], inclusive=False, cdn=parameters["cdnName"], **common
    )
    return _bounded(query, most)


def parse_deliveryservice_stats(
    parameters: Parameters, accept: str, metrics: Metrics, *, most: int
) -> DeliveryServiceStatsQuery:
    """What a request to deliveryservice_stats asks; as `parse_cache_stats`.

    Raises:
        Problem: 400 or 406, with the first fault.
    """
    common = _common(parameters, accept, DELIVERYSERVICE_STATS_REQUIRED)
    metric = parameters["metricType"]
    if metric not in metrics:
        raise Problem(_BAD, f"Metric is not supported: {metric}")
    name, id_or_name = parameters.get("deliveryServiceName"), parameters.get("deliveryService")
    if name is None and id_or_name is None:
        raise Problem(_BAD, "You must specify deliveryService or deliveryServiceName!")
    query = DeliveryServiceStatsQuery(
        metric=metric, rollup=metrics[metric], inclusive=True, name=name, id_or_name=id_or_name, **common
    )
    return _bounded(query, most)


def _common(parameters: Parameters, accept: str, required: Iterable[str]) -> dict[str, Any]:
    missing = [name for name in required if name not in parameters]
    if missing:
        text = f"required parameters missing: missing required parameters: {', '.join(missing)}"
        raise Problem(_BAD, text)
    timestamps = negotiated(accept)
    if timestamps is None:
        text = f"Failed to negotiate content; cannot produce output satisfying {accept}"
        raise Problem(_NOT_ACCEPTABLE, text)
    limit = _count(parameters, "limit")
    offset = _count(parameters, "offset")
    if parameters.get("orderby", "time") != "time":
        raise Problem(_BAD, "Invalid orderby! Can only be 'time'")
    start = _moment(parameters, "startDate")
    end = _moment(parameters, "endDate")
    interval = _interval(parameters.get("interval", "1m"))
    excluded = parameters.get("exclude")
    if excluded not in (None, "series", "summary"):
        raise Problem(_BAD, "Invalid exclude! Must be 'series' or 'summary'")
    return {
        "start": start,
        "end": end,
        "interval": interval,
        "limit": limit,
        "offset": offset,
        "series": excluded != "series",
        "summary": excluded != "summary",
        "timestamps": timestamps,
    }


def _count(parameters: Parameters, name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    digits = text.lstrip("0") or "0"
    if not _COUNT.fullmatch(text) or len(digits) > _DIGITS or int(digits) > _MOST_UINT:
        raise Problem(_BAD, f"Invalid {name}!")
    return int(digits)


def _moment(parameters: Parameters, name: str) -> int:
    try:
        return parse_time(parameters[name])
    except ValueError:
        raise Problem(_BAD, f"Invalid {name}!") from None


def _interval(text: str) -> int:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise Problem(
            _BAD, "interval: must be a valid InfluxQL duration literal (resolution no less than minute)"
        )
    digits = match[1].lstrip("0")
    if not digits:
        raise Problem(_BAD, "interval: must be a minute at least")
    interval = int(digits) * _UNITS[match[2]] * MINUTE if len(digits) <= _DIGITS else _MOST_INT + 1
    if interval > _MOST_INT:
        longest = _MOST_INT // (_UNITS["w"] * MINUTE)
        raise Problem(_BAD, f"interval: at most {longest}w")
    return interval


def _bounded(query: QueryT, most: int) -> QueryT:
    """The query, when it asks for no more than InfluxDB can take and the process will give."""
    for name, number in (("limit", query.limit), ("offset", query.offset)):
        if number is not None and number > _MOST_INT:
            raise Problem(_BAD, f"{name}: at most {_MOST_INT}")
    if query.series and query.imaginable and (rows := query.buckets(query.interval)) > most:
        enough = query.buckets(MINUTE) // most * MINUTE
        while query.buckets(enough) > most:
            enough += MINUTE
        raise Problem(
            _BAD,
            f"interval: {format_duration(query.interval)} makes {rows} points of this range, and at most"
            f" {most} are given at once; the smallest interval that would do is {format_duration(enough)}",
        )
    return query
