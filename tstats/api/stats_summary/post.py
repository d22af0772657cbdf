"""The body of POST stats_summary, decoded as Traffic Ops does and refused with its error messages.

Traffic Ops decodes with Go's `encoding/json`: it takes the first JSON value and ignores what follows, matches
keys in any letter case, lets the last of repeated keys win, ignores unknown keys, and treats null as a
missing key. A wrong type is reported first, in the order of the body; then invalid times, then missing
values.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from tstats.api.http.problem import bad_request
from tstats.api.stats_summary.record import StatsSummary
from tstats.core.time import parse_time
from tstats.summaries.day import ALL

TEXTS: Final = ("statDate", "summaryTime", "cdnName", "deliveryServiceName", "statName")
VALUE: Final = "statValue"
_KEYS = {key.casefold(): key for key in (*TEXTS, VALUE)}

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Python's limits, less the largest offset from UTC: a reader in any time zone can represent the time.
_OLDEST, _NEWEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
_SURROGATES = re.compile("[\ud800-\udfff]")


class _JsonObject(list[tuple[str, Any]]):
    """A JSON object: its keys and values in the order of the body."""


def parse(body: bytes) -> StatsSummary:
    """Parse a posted record.

    Raises:
        Problem: 400, if the record is invalid; the text says why.
    """
    given = _decode(body)
    stat_date = None
    if "statDate" in given:
        parsed = _parse_moment(given["statDate"])
        if parsed is None:
            raise bad_request("decoding: invalid timestamp given for statDate")
        stat_date, _ = parsed
    parsed = _parse_moment(given.get("summaryTime", ""))
    if parsed is None:
        raise bad_request("decoding: invalid timestamp given for summaryTime")
    # Traffic Ops takes a zero for blank as well.
    blank = [f"'{key}' cannot be blank" for key in ("statName", VALUE) if not given.get(key)]
    if blank:
        raise bad_request(f"validating: {', '.join(blank)}")
    for key in TEXTS:
        if "\0" in given.get(key, ""):
            raise bad_request(f"validating: '{key}' cannot contain a NUL character")
    return StatsSummary(
        cdn=given.get("cdnName") or ALL,
        deliveryservice=given.get("deliveryServiceName") or ALL,
        stat=given["statName"],
        value=given[VALUE],
        summary_time=parsed[1],
        stat_date=stat_date,
    )


def _decode(body: bytes) -> Mapping[str, Any]:
    """Return the known keys of the body: strings, and the value as a finite float; no nulls."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise bad_request("decoding: EOF")
    try:
        decoded, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        reason = "unexpected EOF" if cut_off else f"invalid JSON: {error.msg} at character {error.pos + 1}"
        raise bad_request(f"decoding: {reason}") from None
    except RecursionError:
        raise bad_request("decoding: exceeded max depth") from None
    if not isinstance(decoded, _JsonObject):
        raise bad_request(f"decoding: json: cannot unmarshal {_go_type(decoded)} into Go value of an object")
    given: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in decoded:
        key = _KEYS.get(name.casefold())
        if key is None:
            continue
        if value is None:
            if key != "summaryTime":  # not a pointer in Traffic Ops: null leaves it as it is
                given.pop(key, None)
        elif key == VALUE and isinstance(value, float) and math.isfinite(value):
            given[key] = value
        elif key != VALUE and isinstance(value, str):
            given[key] = _SURROGATES.sub("\ufffd", value)
        else:
            kind = "float64" if key == VALUE else "string"
            wrong.append(f"cannot unmarshal {_go_type(value)} into Go struct field .{key} of type {kind}")
    if wrong:
        raise bad_request(f"decoding: json: {wrong[0]}")
    return given


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 (it never returns)
    raise json.JSONDecodeError(f"{name} is not a JSON value", name, 0)


# Parse every number as a float: no key is an integer, and an integer of many digits is slow to parse.
_DECODER = json.JSONDecoder(object_pairs_hook=_JsonObject, parse_int=float, parse_constant=_refuse_constant)


def _go_type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, _JsonObject):
        return "object"
    if isinstance(value, list):
        return "array"
    return "null" if value is None else "number"


def _parse_moment(text: str) -> tuple[date, datetime] | None:
    """Return the day as written, whatever its zone, and the moment; None if the text is not a date or time.

    >>> _parse_moment("2026-01-02 23:04:05-07")[1].isoformat()
    '2026-01-03T06:04:05+00:00'
    >>> _parse_moment("2026-01-02T23:04:05-07:00")[0].isoformat()
    '2026-01-02'
    """
    if not _DAY.match(text):  # parse_time also takes a plain number
        return None
    try:
        day = date.fromisoformat(text[:10])
        since = parse_time(f"{text}T00:00:00Z" if len(text) == len("2026-01-02") else text)
        moment = _EPOCH + timedelta(microseconds=since // 1_000)
    except (ValueError, OverflowError):
        return None
    return (day, moment) if _OLDEST <= moment <= _NEWEST else None
