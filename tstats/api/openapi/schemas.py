"""The JSON Schemas of the API's request and response bodies, made from the tables that its code uses."""

from collections.abc import Iterable
from typing import Any

from tstats import catalog
from tstats.api.statistics.negotiation import Timestamps
from tstats.api.statistics.statements import SUMMARY_FIGURES
from tstats.api.stats_summary.post import VALUE
from tstats.core.model import Rollup

Schema = dict[str, Any]

_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_RFC_TIME: Schema = {"type": "string", "format": "date-time"}
_UNIX_TIME: Schema = {"type": "integer", "description": "Nanoseconds since the epoch."}
_FIGURE: Schema = {"type": "number"}
_MAYBE: Schema = {"type": ["number", "null"]}
_CREDENTIAL = {"type": "apiKey", "in": "cookie"}

ALERTS: Schema = {"$ref": "#/components/schemas/Alerts"}
SUMMARY_TIME: Schema = {
    "type": ["string", "null"],
    "pattern": rf"^{_DAY}(T{_CLOCK}Z| {_CLOCK}\+00)$",
    "description": "RFC 3339 in 5.0, `2026-11-21 21:51:20+00` before.",
}

SECURITY_SCHEMES: Schema = {
    "mojolicious": {**_CREDENTIAL, "name": "mojolicious", "description": "A session of Traffic Ops."},
    "accessToken": {**_CREDENTIAL, "name": "access_token", "description": "A token of Traffic Ops."},
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of Traffic Ops or, without Traffic Ops, one made by `tstats token create`.",
    },
}


def record(*, posted: bool) -> Schema:
    """Return the schema of a record of stats_summary: as it is returned, or as it may be posted."""
    properties: Schema = {
        "statDate": {
            "type": ["string", "null"],
            "description": "The day that the record is about, if any.",
        },
        "summaryTime": {"type": "string", "description": "When the record was made."},
        "cdnName": {"type": "string"},
        "deliveryServiceName": {"type": "string", "description": "`all` for the whole CDN."},
        "statName": {"type": "string", "minLength": 1},
        VALUE: {"type": "number"},
    }
    if not posted:
        properties["statDate"]["format"] = "date"
        properties["summaryTime"] = {**SUMMARY_TIME, "type": "string"}
        properties["statName"].pop("minLength")  # others who write to the table may leave it empty
        properties[VALUE]["type"] = ["number", "null"]
        return _object(properties)
    for key in ("cdnName", "deliveryServiceName"):
        properties[key] = {"type": ["string", "null"], "default": "all"}
    properties[VALUE] |= {"not": {"const": 0}, "description": "Any number except 0, as in Traffic Ops."}
    forms = "RFC 3339, `2026-11-21 21:51:20+00` or only a date"
    for key in ("statDate", "summaryTime"):
        properties[key]["description"] += f" {forms}."
        properties[key]["pattern"] = rf"^{_DAY}"
        properties[key]["examples"] = ["2026-11-21T00:10:00Z"]
    return {"type": "object", "properties": properties, "required": ["summaryTime", "statName", VALUE]}


def statistics(
    rollups: Iterable[Rollup], tag: str, column: str, *, totals: bool, times: Timestamps
) -> Schema:
    """Return the schema of a response to cache_stats or deliveryservice_stats.

    Args:
        rollups: the rollups from which the series may be read.
        tag: the tag by which the series is grouped.
        column: the name of the column of values.
        totals: whether the summary has totals.
        times: the form of times.
    """
    # A tuple, without prefixItems, which not every reader of OpenAPI supports.
    cell = {"anyOf": [_UNIX_TIME if times == "unix" else _RFC_TIME, _MAYBE]}
    row = {"type": "array", "items": cell, "minItems": 2, "maxItems": 2}
    series = _object(
        {
            "columns": {"const": ["time", column]},
            "count": {"type": "integer", "minimum": 0, "description": "The number of values."},
            "name": {"enum": [rollup.target for rollup in rollups]},
            "tags": _object({tag: {"type": "string"}}),
            "values": {
                "type": "array",
                "items": row,
                "description": "Times and values, or null.",
            },
        }
    )
    figures: Schema = dict.fromkeys(SUMMARY_FIGURES, _FIGURE) | {"count": {"type": "integer", "minimum": 0}}
    if totals:
        figures |= {"totalKiloBytes": _MAYBE, "totalTransactions": _MAYBE}
    return _response(_object({"series": series, "summary": _object(figures)}, required=()))


def components() -> Schema:
    """Return all schemas by name."""
    level = {"enum": ["success", "info", "warning", "error"]}
    alert = _object({"text": {"type": "string"}, "level": level})
    cdn = {"bandwidth": _MAYBE, "cdn": {"type": "string"}, "connections": _MAYBE}
    current = {"anyOf": [_object({**cdn, "capacity": _MAYBE}), _object({**cdn, "cdn": {"const": "total"}})]}
    found: Schema = {
        "Alerts": _object({"alerts": {"type": "array", "items": alert, "minItems": 1}}),
        "CurrentStats": _response(_object({"currentStats": {"type": "array", "items": current}})),
        "Health": _object(
            {"healthy": {"type": "boolean"}, "problems": {"type": "array", "items": {"type": "string"}}}
        ),
        "LastSummary": _response(_object({"summaryTime": SUMMARY_TIME})),
        "Ping": _object({"ping": {"const": "pong"}}),
        "PostedSummary": record(posted=True),
        "Summaries": _response({"type": "array", "items": record(posted=False)}),
    }
    metrics: tuple[Timestamps, ...] = ("rfc", "unix")
    for times in metrics:
        found[f"CacheStats_{times}"] = statistics(
            catalog.CACHE_METRICS.values(), "cdn", "sum_count", totals=False, times=times
        )
        found[f"DeliveryServiceStats_{times}"] = statistics(
            catalog.DELIVERYSERVICE_METRICS.values(), "cachegroup", "mean", totals=True, times=times
        )
    return found


def _object(properties: Schema, *, required: Iterable[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
        "additionalProperties": False,
    }


def _response(content: Schema) -> Schema:
    return _object({"response": content})
