"""Time as the whole project keeps it: integer nanoseconds since the epoch, in UTC.

Times and durations are parsed and printed here and nowhere else. A duration is a whole number of nanoseconds
too; a retention policy of `INFINITE` keeps points forever.
"""

import re
from datetime import UTC, datetime

INFINITE = 0
MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EARLIEST, LATEST = -(2**63) + 2, 2**63 - 2
"""The first and the last time that InfluxDB 1.x can store. Source: influxql.MinTime and MaxTime."""

OLDEST, NEWEST = EARLIEST + 1, LATEST
"""The first and the last time that a condition of a query can name."""

_UNITS = (
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("u", 1_000),
    ("ns", 1),
)
_GO_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.(\d{1,9}))?s)?", re.ASCII)

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_TIME = r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?"
# As texts: RFC 3339, where Z and T are capitals, and `2006-01-02 15:04:05-07`.
FORMS = (
    re.compile(rf"{_DATE}T{_TIME}(?:Z|([+-])([0-9]{{2}}):([0-9]{{2}}))"),
    re.compile(rf"{_DATE} {_TIME}([+-])([0-9]{{2}})()"),
)
_MOST_HOURS, _MOST_MINUTES = 24, 60  # of an offset from UTC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST, _MOST = -(2**63), 2**63 - 1


def parse_time(text: str) -> int:
    """Return the nanoseconds since the epoch of a time, which may lie before `OLDEST` or after `NEWEST`.

    It is written in RFC 3339, with a fraction or without, as `2006-01-02 15:04:05-07`, or as an integer of 64
    bits, in nanoseconds. Nine digits of a fraction count.

    >>> parse_time("1970-01-01T02:00:00.5+02:00"), parse_time("1970-01-01 00:00:01+00")
    (500000000, 1000000000)

    Raises:
        ValueError: it is written differently, or there is no such day or time.
    """
    if _INTEGER.fullmatch(text):
        number = int(text) if len(text) <= len(str(_LEAST)) else _MOST + 1
        if not _LEAST <= number <= _MOST:
            raise ValueError("a number of more than 64 bits")
        return number
    match = next(filter(None, (form.fullmatch(text) for form in FORMS)), None)
    if match is None:
        raise ValueError("not a time")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups(default="0")[6:]
    if int(hours) > _MOST_HOURS or int(minutes or 0) > _MOST_MINUTES:
        raise ValueError("no such offset from UTC")
    # The year 0 has the days of the year 4, four years of 365 days and one more before it.
    early = year == 0
    date = datetime(4 if early else year, month, day, hour, minute, second, tzinfo=UTC)
    since = date - _EPOCH
    seconds = since.days * 86_400 + since.seconds - (1_461 * 86_400 if early else 0)
    offset = int(hours) * 3_600 + int(minutes or 0) * 60
    return (seconds - (-offset if sign == "-" else offset)) * 10**9 + int(fraction[:9].ljust(9, "0"))


def parse_user_time(text: str) -> int:
    """Return the nanoseconds since the epoch of a date (its midnight) or an ISO 8601 time, as users type it.

    Without a zone it is UTC.

    >>> parse_user_time("1970-01-02") == parse_user_time("1970-01-02T01:00:00+01:00") == DAY
    True

    Raises:
        ValueError: it is neither, or InfluxDB cannot store it.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"invalid time {text!r}; write 2026-11-21 or 2026-11-21T10:00:00Z") from None
    since = moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH
    nanoseconds = (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000
    if not EARLIEST < nanoseconds < LATEST:
        raise ValueError(f"{text} is outside the times that InfluxDB can store (1677 to 2262)")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """Return a duration literal in the largest unit that divides it (as the server prints it)."""
    if nanoseconds <= 0:
        raise ValueError(f"a duration is positive, not {nanoseconds} ns")
    return next(f"{nanoseconds // size}{unit}" for unit, size in _UNITS if nanoseconds % size == 0)


def parse_go_duration(text: str) -> int:
    """Return the nanoseconds of a duration as SHOW RETENTION POLICIES prints it (`26h0m0s`; `0s` is forever).

    Policies last an hour or more, so Go's units below the second (`1.5ms`) do not occur; a fraction of a
    second (`1h0m0.001s`) does.

    Raises:
        ValueError: it is not such a duration.
    """
    match = _GO_DURATION.fullmatch(text)
    if not text or not match:
        raise ValueError(f"invalid duration {text!r}")
    hours, minutes, seconds, fraction = match.groups(default="0")
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole * 10**9 + int(fraction.ljust(9, "0"))


def parse_duration(text: str, *, least: int = 1) -> int:
    """Return the nanoseconds of a duration literal: `26h`, `90m`, `2d`; at least `least`.

    Raises:
        ValueError: it is not a duration, or too short.
    """
    match = re.fullmatch(r"([0-9]{1,9})([a-z]+)", text, re.ASCII)
    size = dict(_UNITS).get(match[2]) if match else None
    if match is None or size is None or int(match[1]) * size < least:
        raise ValueError(f"invalid duration {text!r}; write 26h, 90m or 2d")
    return int(match[1]) * size


def format_time(nanoseconds: int) -> str:
    """Return a time as RFC 3339 in UTC: without a fraction where it is a whole second, otherwise exact.

    >>> format_time(1_500_000_000_000_000_001)
    '2017-07-14T02:40:00.000000001Z'
    """
    days, rest = divmod(nanoseconds, DAY)
    year, month, day = _civil(days)
    seconds, rest = divmod(rest, SECOND)
    fraction = f".{rest:09d}" if rest else ""
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}T{clock}{fraction}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Return the year, month and day of a day since the epoch, without the bounds of `datetime`.

    Source: the proleptic Gregorian calendar, in eras of 400 years that begin on the first of March.
    """
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 (March is month 0)
    return year + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1  # noqa: PLR2004 (the same)
