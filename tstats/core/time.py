"""Moments in time as a request names them: integers of nanoseconds since the epoch."""

import re
from datetime import UTC, datetime

OLDEST, NEWEST = -(2**63) + 3, 2**63 - 2
"""The first and the last moment that InfluxDB can name in a condition."""

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


def parse_moment(text: str) -> int:
    """The nanoseconds since the epoch of a moment; they may lie before `OLDEST` and after `NEWEST`.

    It is written in RFC 3339, with a fraction or without, as `2006-01-02 15:04:05-07`, or as an integer of 64
    bits, in nanoseconds. Of a fraction, nine digits count.

    >>> parse_moment("1970-01-01T02:00:00.5+02:00"), parse_moment("1970-01-01 00:00:01+00")
    (500000000, 1000000000)

    Raises:
        ValueError: it is written in another way, or there is no such day or time.
    """
    if _INTEGER.fullmatch(text):
        number = int(text) if len(text) <= len(str(_LEAST)) else _MOST + 1
        if not _LEAST <= number <= _MOST:
            raise ValueError("a number of more than 64 bits")
        return number
    match = next(filter(None, (form.fullmatch(text) for form in FORMS)), None)
    if match is None:
        raise ValueError("no moment in time")
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
