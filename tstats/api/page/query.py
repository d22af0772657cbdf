"""The parameters of the page's own requests, parsed and limited."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tstats.api.http.problem import bad_request
from tstats.core.time import MINUTE, NEWEST, OLDEST, parse_duration, parse_time

MAX_INTERVALS = 1_500
"""The most values per line: more than a screen has room for."""
MAX_DAYS = 1_100

_MAX_NAME_LENGTH = 1_000
_DAYS = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesQuery:
    """Which lines of a chart.

    Attributes:
        chart: the name of the chart.
        of: the name of what it shows, such as a server; it may not exist.
        start: the start of the half-open range, in ns since the epoch.
        end: the end of the range.
        interval: the time between two values, in ns: whole minutes.
    """

    chart: str
    of: str
    start: int
    end: int
    interval: int


def parse_lines(given: Mapping[str, str], charts: Collection[str]) -> LinesQuery:
    """Parse the parameters chart, of, start, end and interval.

    >>> given = {"chart": "c", "of": "x", "start": "0", "end": "60000000000", "interval": "1m"}
    >>> parse_lines(given, {"c"})
    LinesQuery(chart='c', of='x', start=0, end=60000000000, interval=60000000000)

    Raises:
        Problem: 400, for the first error.
    """
    chart = given.get("chart", "")
    if chart not in charts:
        raise bad_request(f"chart: must be one of {', '.join(sorted(charts))}")
    of = given.get("of", "")
    if not of or len(of) > _MAX_NAME_LENGTH:
        raise bad_request(f"of: must be a name of 1 to {_MAX_NAME_LENGTH} characters")
    start, end = _parse_moment(given, "start"), _parse_moment(given, "end")
    if start >= end:
        raise bad_request("end: must be after start")
    interval = _parse_interval(given.get("interval", ""))
    if (count := -(-(end - start) // interval)) > MAX_INTERVALS:
        raise bad_request(f"interval: divides this range into {count}, and the most is {MAX_INTERVALS}")
    return LinesQuery(chart=chart, of=of, start=start, end=end, interval=interval)


def parse_days(given: Mapping[str, str]) -> int:
    """Parse the parameter days: how many days to look back.

    Raises:
        Problem: 400, if it is missing or invalid.
    """
    text = given.get("days", "")
    days = int(text) if _DAYS.fullmatch(text) else 0
    if not 1 <= days <= MAX_DAYS:
        raise bad_request(f"days: must be a whole number from 1 to {MAX_DAYS}")
    return days


def _parse_moment(given: Mapping[str, str], name: str) -> int:
    try:
        moment = parse_time(given.get(name, ""))
    except ValueError:
        raise bad_request(f"{name}: must be an RFC 3339 time, or nanoseconds since the epoch") from None
    if not OLDEST <= moment <= NEWEST:
        raise bad_request(f"{name}: must be a time that InfluxDB can represent, from 1677 to 2262")
    return moment


def _parse_interval(text: str) -> int:
    try:
        interval = parse_duration(text)
    except ValueError:
        interval = 0
    if interval < MINUTE or interval % MINUTE:
        raise bad_request("interval: must be whole minutes, hours or days, such as 5m")
    return interval
