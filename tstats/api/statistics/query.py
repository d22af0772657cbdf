"""Requests for statistics, parsed and checked in Traffic Ops' order and with its error messages.

The order of the checks is a promise: of several errors, the first one is reported.
"""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from tstats.api.http.problem import Problem, bad_request
from tstats.api.statistics.negotiation import Timestamps, negotiate
from tstats.core.model import Rollup
from tstats.core.time import MINUTE, NEWEST, OLDEST, SECOND, format_duration, parse_time

Parameters = Mapping[str, str]
Metrics = Mapping[str, Rollup]
"""The rollup from which each metric is read, by the name of the metric."""

QueryT = TypeVar("QueryT", bound="StatsQuery")
_UNSIGNED = re.compile(r"[0-9]+")
_INTERVAL = re.compile(r"([0-9]+)([mhdw])")
_UNITS = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}  # in minutes
_MAX_UINT64, _MAX_INT64 = 2**64 - 1, 2**63 - 1
_MAX_DIGITS = 20  # of a 64-bit number

CACHE_STATS_REQUIRED: Final = ("metricType", "startDate", "endDate", "cdnName")
DELIVERYSERVICE_STATS_REQUIRED: Final = ("metricType", "startDate", "endDate")


class StatsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters that both kinds of statistics share.

    Attributes:
        metric: the name of the metric, as in the request.
        rollup: where its points are.
        start, end: the range, in ns since the epoch; it may be empty, or end before it starts.
        inclusive: whether points exactly at `start` and `end` belong to the range.
        interval: the length of a bucket, in ns.
        limit: the most rows; None and 0 mean all.
        offset: rows to skip.
        series, summary: which of the two parts are wanted.
        timestamps: the form of times in the response.
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
    def is_representable(self) -> bool:
        """Whether InfluxDB can represent both ends of the range; beyond them it holds no points."""
        return OLDEST <= self.start <= NEWEST and OLDEST <= self.end <= NEWEST

    @property
    def bucket_offset(self) -> int:
        """The offset of buckets from multiples of `interval`, in ns: they start at the second of `start`."""
        return self.start // SECOND * SECOND % self.interval

    def buckets(self, interval: int) -> int:
        """Return the number of rows of the series if its buckets are `interval` ns long."""
        length = self.end - self.start // SECOND * SECOND
        if self.end < self.start or (self.end == self.start and not self.inclusive):
            return 0
        return length // interval + 1 if self.inclusive else -(-length // interval)


class CacheStatsQuery(StatsQuery, frozen=True, kw_only=True):
    """GET cache_stats; the CDN `cdn` may not exist."""

    cdn: str


class DeliveryServiceStatsQuery(StatsQuery, frozen=True, kw_only=True):
    """GET deliveryservice_stats, by the xmlId `name` or else `id_or_name`; it may not exist."""

    name: str | None
    id_or_name: str | None

    @property
    def requested_name(self) -> str:
        """The delivery service as the request names it."""
        return self.name if self.name is not None else self.id_or_name or ""


def parse_cache_stats(
    parameters: Parameters, accept: str, metrics: Metrics, *, max_points: int
) -> CacheStatsQuery:
    """Parse a request to cache_stats.

    Args:
        parameters: the parameters of the URL.
        accept: the header Accept; empty if it is missing.
        metrics: the metrics that exist.
        max_points: the most rows of a series.

    Raises:
        Problem: 400 or 406, for the first error.
    """
    common = _parse_common(parameters, accept, CACHE_STATS_REQUIRED)
    name = parameters["metricType"]
    if name not in metrics:
        raise bad_request(f"Unknown metric type: {name}")
    query = CacheStatsQuery(
        metric=name, rollup=metrics[name], inclusive=False, cdn=parameters["cdnName"], **common
    )
    return _bounded(query, max_points)


def parse_deliveryservice_stats(
    parameters: Parameters, accept: str, metrics: Metrics, *, max_points: int
) -> DeliveryServiceStatsQuery:
    """Parse a request to deliveryservice_stats; the arguments are those of `parse_cache_stats`.

    Raises:
        Problem: 400 or 406, for the first error.
    """
    common = _parse_common(parameters, accept, DELIVERYSERVICE_STATS_REQUIRED)
    metric = parameters["metricType"]
    if metric not in metrics:
        raise bad_request(f"Metric is not supported: {metric}")
    name, id_or_name = parameters.get("deliveryServiceName"), parameters.get("deliveryService")
    if name is None and id_or_name is None:
        raise bad_request("You must specify deliveryService or deliveryServiceName!")
    query = DeliveryServiceStatsQuery(
        metric=metric, rollup=metrics[metric], inclusive=True, name=name, id_or_name=id_or_name, **common
    )
    return _bounded(query, max_points)


def _parse_common(parameters: Parameters, accept: str, required: Iterable[str]) -> dict[str, Any]:
    missing = [name for name in required if name not in parameters]
    if missing:
        text = f"required parameters missing: missing required parameters: {', '.join(missing)}"
        raise bad_request(text)
    timestamps = negotiate(accept)
    if timestamps is None:
        text = f"Failed to negotiate content; cannot produce output satisfying {accept}"
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, text)
    limit = _parse_count(parameters, "limit")
    offset = _parse_count(parameters, "offset")
    if parameters.get("orderby", "time") != "time":
        raise bad_request("Invalid orderby! Can only be 'time'")
    start = _parse_date(parameters, "startDate")
    end = _parse_date(parameters, "endDate")
    interval = _parse_interval(parameters.get("interval", "1m"))
    excluded = parameters.get("exclude")
    if excluded not in (None, "series", "summary"):
        raise bad_request("Invalid exclude! Must be 'series' or 'summary'")
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


def _parse_count(parameters: Parameters, name: str) -> int | None:
    text = parameters.get(name)
    if text is None:
        return None
    digits = text.lstrip("0") or "0"
    if not _UNSIGNED.fullmatch(text) or len(digits) > _MAX_DIGITS or int(digits) > _MAX_UINT64:
        raise bad_request(f"Invalid {name}!")
    return int(digits)


def _parse_date(parameters: Parameters, name: str) -> int:
    try:
        return parse_time(parameters[name])
    except ValueError:
        raise bad_request(f"Invalid {name}!") from None


def _parse_interval(text: str) -> int:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise bad_request(
            "interval: must be a valid InfluxQL duration literal (resolution no less than minute)"
        )
    digits = match[1].lstrip("0")
    if not digits:
        raise bad_request("interval: must be at least a minute")
    interval = int(digits) * _UNITS[match[2]] * MINUTE if len(digits) <= _MAX_DIGITS else _MAX_INT64 + 1
    if interval > _MAX_INT64:
        longest = _MAX_INT64 // (_UNITS["w"] * MINUTE)
        raise bad_request(f"interval: must be at most {longest}w")
    return interval


def _bounded(query: QueryT, max_points: int) -> QueryT:
    """Return the query if InfluxDB can count that far and the series is not too long."""
    for name, number in (("limit", query.limit), ("offset", query.offset)):
        if number is not None and number > _MAX_INT64:
            raise bad_request(f"{name}: must be at most {_MAX_INT64}")
    if query.series and query.is_representable and (rows := query.buckets(query.interval)) > max_points:
        shortest = query.buckets(MINUTE) // max_points * MINUTE
        while query.buckets(shortest) > max_points:
            shortest += MINUTE
        raise bad_request(
            f"interval: {format_duration(query.interval)} divides this range into {rows} points, and a"
            f" response has at most {max_points}; use an interval of at least {format_duration(shortest)}"
        )
    return query
