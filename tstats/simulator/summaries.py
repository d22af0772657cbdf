"""The `stats_summary` of Traffic Ops: rows in memory, validated as Traffic Ops does."""

import re
import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

from tstats.simulator.exchange import HttpResponse, alert, json_response

_TEXT_KEYS = ("summaryTime", "statDate", "cdnName", "deliveryServiceName", "statName")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:\d\d)| \d\d:\d\d:\d\d([.,]\d+)?[+-]\d\d)?",
    re.ASCII,
)
_WANTED_KINDS = {"statValue": "float64"}
_JSON_KINDS: dict[type, str] = {
    type(None): "null",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    dict: "object",
    list: "array",
}
_ORDERS = {
    "cdnName": "cdn",
    "deliveryServiceName": "delivery_service",
    "statName": "stat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedSummary:
    """A row of stats_summary; `cdn` and `delivery_service` are `all` if they were posted empty."""

    cdn: str
    delivery_service: str
    stat: str
    value: float
    summary_time: datetime
    stat_date: date | None


class StatsSummaryTable:
    """The rows, in the order in which they were posted; like the real table, it takes duplicates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[PostedSummary] = []

    @property
    def rows(self) -> tuple[PostedSummary, ...]:
        """A copy of all rows."""
        with self._lock:
            return tuple(self._rows)

    def add(self, row: PostedSummary) -> None:
        """Append a row as if it had been posted."""
        with self._lock:
            self._rows.append(row)

    def post(self, body: bytes) -> HttpResponse:
        """Return the response to POST stats_summary: 200, or 400 with the first error."""
        try:
            row = _row(body)
        except ValueError as error:
            return alert(str(error), status=HTTPStatus.BAD_REQUEST)
        self.add(row)
        return alert("Stats Summary was successfully created", level="success")

    def get(self, query: str, version: str) -> HttpResponse:
        """Return the response to GET stats_summary: the rows, or with `lastSummaryDate` the latest time.

        `cdnName`, `deliveryServiceName` and `statName` filter the rows, but for `lastSummaryDate` only
        `statName` does. `orderby` with one of them, `sortOrder=desc` and `limit` work as in Traffic Ops; an
        unknown `orderby` has no effect.
        """
        parameters = dict(parse_qsl(query, keep_blank_values=True))
        rows = list(self.rows)
        of_last = bool(parameters.get("lastSummaryDate"))
        for key, attribute in _ORDERS.items():
            if key in parameters and (key == "statName" or not of_last):
                rows = [row for row in rows if getattr(row, attribute) == parameters[key]]
        if of_last:
            latest = max((row.summary_time for row in rows), default=None)
            return json_response({"response": {"summaryTime": latest and _time_text(latest, version)}})
        order = _ORDERS.get(parameters.get("orderby", ""))
        if order:
            descending = parameters.get("sortOrder") == "desc"
            rows = sorted(rows, key=lambda row: str(getattr(row, order)), reverse=descending)
        limit = parameters.get("limit", "")
        rows = rows[: int(limit) if limit.isdecimal() else None]
        return json_response({"response": [_as_json(row, version) for row in rows]})


def _row(body: bytes) -> PostedSummary:
    """Parse a posted row.

    Raises:
        ValueError: it is invalid; the text is the one of Traffic Ops.
    """
    try:
        posted = msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise ValueError("decoding: unexpected EOF") from error
    spelling = {key.lower(): key for key in (*_TEXT_KEYS, "statValue")}
    posted = {spelling.get(key.lower(), key): value for key, value in posted.items()}
    wrong = _wrong_type(posted)
    if wrong is not None:
        raise ValueError(f"decoding: json: {wrong}")
    texts = {key: str(posted[key]) for key in _TEXT_KEYS if posted.get(key) is not None}
    value = posted.get("statValue")
    stat_date = None
    if "statDate" in texts:
        if _time(texts["statDate"]) is None:
            raise ValueError("decoding: invalid timestamp given for statDate")
        stat_date = date.fromisoformat(texts["statDate"][:10])
    summary_time = _time(texts.get("summaryTime", ""))
    if summary_time is None:
        raise ValueError("decoding: invalid timestamp given for summaryTime")
    # Traffic Ops takes a zero for a missing value.
    blank = [f"'{key}' cannot be blank" for key in ("statName", "statValue") if not posted.get(key)]
    if blank:
        raise ValueError(f"validating: {', '.join(blank)}")
    return PostedSummary(
        cdn=texts.get("cdnName") or "all",
        delivery_service=texts.get("deliveryServiceName") or "all",
        stat=texts["statName"],
        value=float(str(value)),
        summary_time=summary_time,
        stat_date=stat_date,
    )


def _wrong_type(posted: dict[str, object]) -> str | None:
    """Return the message of Traffic Ops about the first value of a wrong JSON type, or None."""
    for key in (key for key in posted if key in (*_TEXT_KEYS, "statValue")):
        kind, wanted = _JSON_KINDS[type(posted[key])], _WANTED_KINDS.get(key, "string")
        if kind not in ("null", "number" if wanted == "float64" else wanted):
            return f"cannot unmarshal {kind} into Go struct field .{key} of type {wanted}"
    return None


def _time(text: str) -> datetime | None:
    """Parse RFC 3339, `2026-01-02 03:04:05+00` or a date; return None for anything else."""
    if not _TIME.fullmatch(text):
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _time_text(time: datetime, version: str) -> str:
    """Format a time as this API version does."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}" if version.startswith("5.") else f"{time:%Y-%m-%d %H:%M:%S}+00"


def _as_json(row: PostedSummary, version: str) -> dict[str, object]:
    return {
        "statDate": row.stat_date and row.stat_date.isoformat(),
        "summaryTime": _time_text(row.summary_time, version),
        "cdnName": row.cdn,
        "deliveryServiceName": row.delivery_service,
        "statName": row.stat,
        "statValue": row.value,
    }
