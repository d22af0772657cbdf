"""What the page asks for, by the parameters of its requests: parsed and bounded."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tstats.api.http.problem import Problem
from tstats.core.time import MINUTE, NEWEST, OLDEST, parse_duration, parse_time

MOST_INTERVALS = 1_500
"""Of a line: more than a screen has room for."""
MOST_DAYS = 1_100

_BAD = 400
_LONGEST_NAME = 1_000
_DAYS = re.compile(r"[0-9]{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesQuery:
    """The lines of a chart.

    Attributes:
        chart: its name.
        of: the thing that they are of; it may not exist.
        start: of the half-open range, in ns since the epoch.
        end: of the range.
        interval: between two values, in ns: a minute or more.
    """

    chart: str
    of: str
    start: int
    end: int
    interval: int


def parse_lines(given: Mapping[str, str], charts: Collection[str]) -> LinesQuery:
    """The parameters chart, of, start, end and interval.

    >>> asked = {"chart": "c", "of": "x", "start": "0", "end": "60000000000", "interval": "1m"}
    >>> parse_lines(asked, {"c"})
    LinesQuery(chart='c', of='x', start=0, end=60000000000, interval=60000000000)

    Raises:
        Problem: 400, with the first fault.
    """
    chart = given.get("chart", "")
    if chart not in charts:
        raise Problem(_BAD, f"chart: one of {', '.join(sorted(charts))}")
    of = given.get("of", "")
    if not of or len(of) > _LONGEST_NAME:
        raise Problem(_BAD, f"of: the name of what is wanted, of 1 to {_LONGEST_NAME} characters")
    start, end = _moment(given, "start"), _moment(given, "end")
    if start >= end:
        raise Problem(_BAD, "end: after start")
    interval = _interval(given.get("interval", ""))
    if (count := -(-(end - start) // interval)) > MOST_INTERVALS:
        raise Problem(_BAD, f"interval: {count} in this range, and at most {MOST_INTERVALS} are given")
    return LinesQuery(chart=chart, of=of, start=start, end=end, interval=interval)


def parse_days(given: Mapping[str, str]) -> int:
    """The parameter days: how many days back.

    Raises:
        Problem: 400: it is missing or out of bounds.
    """
    text = given.get("days", "")
    days = int(text) if _DAYS.fullmatch(text) else 0
    if not 1 <= days <= MOST_DAYS:
        raise Problem(_BAD, f"days: a whole number from 1 to {MOST_DAYS}")
    return days


def _moment(given: Mapping[str, str], name: str) -> int:
    try:
        moment = parse_time(given.get(name, ""))
    except ValueError:
        raise Problem(_BAD, f"{name}: a time of RFC 3339, or nanoseconds since the epoch") from None
    if not OLDEST <= moment <= NEWEST:
        raise Problem(_BAD, f"{name}: a time that InfluxDB can name, from 1677 to 2262")
    return moment


def _interval(text: str) -> int:
    try:
        interval = parse_duration(text)
    except ValueError:
        interval = 0
    if interval < MINUTE or interval % MINUTE:
        raise Problem(_BAD, "interval: whole minutes, hours or days, such as 5m")
    return interval
