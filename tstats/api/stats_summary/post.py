"""The body of POST stats_summary, read as Traffic Ops reads it and refused in its words.

Its reader is Go's: it takes the first JSON value and nothing behind it, finds keys in any letter case, lets
the last of equal keys count, ignores keys that it does not know, and takes null for a key that is not there.
What is of a wrong type is told first, in the order of the body; then times, then what is missing.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from tstats.api.http.problem import Problem
from tstats.api.stats_summary.record import Record
from tstats.core.time import parse_time
from tstats.summaries.day import ALL

TEXTS: Final = ("statDate", "summaryTime", "cdnName", "deliveryServiceName", "statName")
VALUE: Final = "statValue"
_BAD = 400
_KEYS = {key.casefold(): key for key in (*TEXTS, VALUE)}

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of what Python can name, a zone's width less at both ends: else a reader in another zone could not name it.
_OLDEST, _NEWEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 29, tzinfo=UTC)
_SURROGATES = re.compile("[\ud800-\udfff]")


class _Pairs(list[tuple[str, Any]]):
    """A JSON object: its keys and values in the order of the body."""


def parse(body: bytes) -> Record:
    """The record that is posted.

    Raises:
        Problem: 400: there is none; the text says why.
    """
    given = _decoded(body)
    stat_date = None
    if "statDate" in given:
        parsed = _moment(given["statDate"])
        if parsed is None:
            raise Problem(_BAD, "decoding: invalid timestamp given for statDate")
        stat_date, _ = parsed
    parsed = _moment(given.get("summaryTime", ""))
    if parsed is None:
        raise Problem(_BAD, "decoding: invalid timestamp given for summaryTime")
    # A zero counts as blank, too: so it is in Traffic Ops.
    blank = [f"'{key}' cannot be blank" for key in ("statName", VALUE) if not given.get(key)]
    if blank:
        raise Problem(_BAD, f"validating: {', '.join(blank)}")
    for key in TEXTS:
        if "\0" in given.get(key, ""):
            raise Problem(_BAD, f"validating: '{key}' cannot hold the character NUL")
    return Record(
        cdn=given.get("cdnName") or ALL,
        deliveryservice=given.get("deliveryServiceName") or ALL,
        stat=given["statName"],
        value=given[VALUE],
        summary_time=parsed[1],
        stat_date=stat_date,
    )


def _decoded(body: bytes) -> Mapping[str, Any]:
    """What the body says of the keys that count: texts, and the value a finite float; no nulls."""
    text = body.decode("utf-8", "replace").lstrip(" \t\r\n")
    if not text:
        raise Problem(_BAD, "decoding: EOF")
    try:
        whole, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        reason = "unexpected EOF" if cut_off else f"no JSON: {error.msg} at character {error.pos + 1}"
        raise Problem(_BAD, f"decoding: {reason}") from None
    except RecursionError:
        raise Problem(_BAD, "decoding: exceeded max depth") from None
    if not isinstance(whole, _Pairs):
        raise Problem(_BAD, f"decoding: json: cannot unmarshal {_kind(whole)} into Go value of an object")
    given: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in whole:
        key = _KEYS.get(name.casefold())
        if key is None:
            continue
        if value is None:
            if key != "summaryTime":  # which is never null in Traffic Ops: it stays what it was
                given.pop(key, None)
        elif key == VALUE and isinstance(value, float) and math.isfinite(value):
            given[key] = value
        elif key != VALUE and isinstance(value, str):
            given[key] = _SURROGATES.sub("\ufffd", value)
        else:
            kind = "float64" if key == VALUE else "string"
            wrong.append(f"cannot unmarshal {_kind(value)} into Go struct field .{key} of type {kind}")
    if wrong:
        raise Problem(_BAD, f"decoding: json: {wrong[0]}")
    return given


def _no_constant(name: str) -> Any:  # noqa: ANN401 (it never gives anything)
    raise json.JSONDecodeError(f"{name} is no value", name, 0)


# Every number a float: an integer of many digits is slow to read, and nothing here is one.
_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=float, parse_constant=_no_constant)


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, _Pairs):
        return "object"
    if isinstance(value, list):
        return "array"
    return "null" if value is None else "number"


def _moment(text: str) -> tuple[date, datetime] | None:
    """The day as it is written, whatever its zone, and the moment; None where the text is neither.

    >>> _moment("2026-01-02 23:04:05-07")[1].isoformat()
    '2026-01-03T06:04:05+00:00'
    >>> _moment("2026-01-02T23:04:05-07:00")[0].isoformat()
    '2026-01-02'
    """
    if not _DAY.match(text):  # parse_moment takes a plain number, too
        return None
    try:
        day = date.fromisoformat(text[:10])
        since = parse_time(f"{text}T00:00:00Z" if len(text) == len("2026-01-02") else text)
        moment = _EPOCH + timedelta(microseconds=since // 1_000)
    except (ValueError, OverflowError):
        return None
    return (day, moment) if _OLDEST <= moment <= _NEWEST else None
