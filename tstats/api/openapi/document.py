"""The API described by itself: an OpenAPI document, made from the tables that its parsers use."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import tstats
from tstats import catalog
from tstats.api.http.responses import JSON, KEPT, json_answer
from tstats.api.http.routing import VERSIONS, Route
from tstats.api.openapi.schemas import ALERTS, SECURITY_SCHEMES, Schema, components
from tstats.api.statistics.query import CACHE_STATS_REQUIRED, DELIVERYSERVICE_STATS_REQUIRED
from tstats.api.stats_summary.query import ALL_ROWS, LARGEST, PARAMETERS
from tstats.core.time import FORMS

PATH: Final = "/openapi.json"
_BY = {
    "400": "A parameter or the body is not as it must be; the text says which.",
    "401": "No good session or token.",
    "403": "The session or token may not do this.",
    "404": "There is no such thing, or the caller may not see it.",
    "406": "None of the media types in Accept can be given.",
    "408": "The body did not come in time.",
    "413": "The body is too large.",
    "501": "This version of the API is not served.",
    "503": "What is needed for the answer (InfluxDB, the SQL database, Traffic Ops) cannot be reached now.",
}
_MOMENT: Schema = {
    "type": "string",
    "anyOf": [{"pattern": f"^{form.pattern}$"} for form in FORMS] + [{"pattern": "^[+-]?[0-9]+$"}],
    "examples": ["2026-11-18T10:00:00Z", "1794996000000000000"],
}
_MOMENT_WORDS = "RFC 3339, `2006-01-02 15:04:05-07`, or nanoseconds since the epoch."
_ACCEPT = (
    "Accept says how times are written: `application/json;timestamp=rfc` in RFC 3339, as without it,"
    " `application/json;timestamp=unix` in nanoseconds since the epoch."
)


def document() -> Schema:
    """The OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tstats",
            "version": tstats.__version__,
            "summary": "Traffic Ops' statistics API on the data of tstats",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "tags": [
            {"name": "statistics", "description": "Out of InfluxDB."},
            {"name": "summaries", "description": "Out of the SQL database, and into it."},
            {"name": "service", "description": "Of this server itself; no session is asked for."},
        ],
        "paths": _paths(),
        "components": {"schemas": components(), "securitySchemes": SECURITY_SCHEMES},
    }


def routes() -> tuple[Route, ...]:
    """The way to the document."""
    body = msgspec.json.encode(document())

    async def read(request: Request) -> Response:
        del request
        return json_answer(body, headers={"Cache-Control": KEPT})

    return (Route(method="GET", path=PATH, handler=read),)


def _paths() -> Schema:
    api = "/api/{version}"
    return {
        f"{api}/cache_stats": _of_api("get", _cache_stats()),
        f"{api}/deliveryservice_stats": _of_api("get", _deliveryservice_stats()),
        f"{api}/current_stats": _of_api("get", _current_stats()),
        f"{api}/stats_summary": _of_api("get", _read_summaries()) | _of_api("post", _record_summary()),
        f"{api}/ping": _of_api("get", _open("ping", "Is anybody there?", {"200": _json("Yes.", "Ping")})),
        "/healthz": {
            "get": _open(
                "healthz",
                "Whether all is well.",
                {"200": _json("It is.", "Health"), "503": _json("It is not; the body says why.", "Health")},
            )
        },
        "/metrics": {
            "get": _open(
                "metrics",
                "What this server measures of itself, for Prometheus.",
                {
                    "200": {
                        "description": "Its text format.",
                        "content": {"text/plain": {"schema": {"type": "string"}}},
                    }
                },
            )
        },
    }


def _of_api(method: str, operation: Schema) -> Schema:
    version = {
        "name": "version",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": list(VERSIONS)},
    }
    described = dict(operation)
    described["parameters"] = [version, *operation.get("parameters", [])]
    described["responses"] = operation["responses"] | _errors("404", "501")
    return {method: described}


def _cache_stats() -> Schema:
    return {
        "operationId": "cache_stats",
        "tags": ["statistics"],
        "summary": "What the caches of a CDN did.",
        "description": _ACCEPT,
        "parameters": [
            *_range(list(catalog.CACHE_METRICS)),
            _query("cdnName", {"type": "string"}, "The name of a CDN.", required=True),
        ],
        "responses": _statistics("CacheStats"),
    }


def _deliveryservice_stats() -> Schema:
    return {
        "operationId": "deliveryservice_stats",
        "tags": ["statistics"],
        "summary": "What a delivery service did.",
        "description": f"{_ACCEPT} One of deliveryServiceName and deliveryService must be there.",
        "parameters": [
            *_range(list(catalog.DELIVERYSERVICE_METRICS)),
            _query("deliveryServiceName", {"type": "string"}, "Its xmlId; it wins when both are there."),
            _query("deliveryService", {"type": "string"}, "Its id or its xmlId."),
        ],
        "responses": _statistics("DeliveryServiceStats"),
    }


def _current_stats() -> Schema:
    return {
        "operationId": "current_stats",
        "tags": ["statistics"],
        "summary": "What each CDN does now, and all of them together.",
        "responses": {"200": _json("Gbps and connections; null where there is none.", "CurrentStats")}
        | _errors("401", "503"),
    }


def _read_summaries() -> Schema:
    last = "Anything but an empty text asks when the last record was made, of statName or of any."
    names: list[Schema] = [
        _query(name, {"type": "string"}, "Only those of this name.") for name in PARAMETERS
    ]
    number = {"type": "integer", "maximum": LARGEST}
    orders = "Order by this; anything else orders nothing."
    return {
        "operationId": "read_stats_summary",
        "tags": ["summaries"],
        "summary": "The recorded summaries, or when the last one was made.",
        "parameters": [
            *names,
            _query("lastSummaryDate", {"type": "string"}, last),
            _query("orderby", {"type": "string", "examples": list(PARAMETERS)}, orders),
            _query("sortOrder", {"type": "string", "examples": ["asc", "desc"]}, "The order's direction."),
            _query("limit", number | {"minimum": ALL_ROWS}, f"So many at most; {ALL_ROWS} is all of them."),
            _query("offset", number | {"minimum": 1}, "Leave out so many of the first; only beside a limit."),
            _query("page", number | {"minimum": 1}, "The page of so many; only beside a limit, no offset."),
        ],
        "responses": {
            "200": {
                "description": "The records, or the time of the last.",
                "content": {JSON: {"schema": {"oneOf": [_ref("Summaries"), _ref("LastSummary")]}}},
            }
        }
        | _errors("400", "401", "503"),
    }


def _record_summary() -> Schema:
    return {
        "operationId": "record_stats_summary",
        "tags": ["summaries"],
        "summary": "Record a summary.",
        "description": (
            "Of the records of one CDN, delivery service, statistic and date, the one with the latest"
            " summaryTime is kept. Keys are found in any letter case, unknown ones ignored."
        ),
        "requestBody": {"required": True, "content": {JSON: {"schema": _ref("PostedSummary")}}},
        "responses": {"200": _json("It is recorded.", "Alerts")}
        | _errors("400", "401", "403", "408", "413", "503"),
    }


def _open(name: str, summary: str, responses: Schema) -> Schema:
    return {
        "operationId": name,
        "tags": ["service"],
        "summary": summary,
        "security": [],
        "responses": responses,
    }


def _range(metrics: list[str]) -> list[Schema]:
    required = (*CACHE_STATS_REQUIRED, *DELIVERYSERVICE_STATS_REQUIRED)
    count = {"type": "integer", "minimum": 0, "maximum": LARGEST}
    interval = "The length of a bucket: minutes, hours, days or weeks."
    described: list[tuple[str, Schema, str]] = [
        ("metricType", {"type": "string", "enum": metrics}, "What was measured."),
        ("startDate", _MOMENT, _MOMENT_WORDS),
        ("endDate", _MOMENT, _MOMENT_WORDS),
        ("interval", {"type": "string", "pattern": "^[0-9]*[1-9][0-9]*[mhdw]$", "default": "1m"}, interval),
        ("limit", count, "So many values at most; 0 is all of them."),
        ("offset", count, "Leave out so many of the first values."),
        ("orderby", {"type": "string", "enum": ["time"]}, "The values are in the order of time."),
        ("exclude", {"type": "string", "enum": ["series", "summary"]}, "Leave out one of the two."),
    ]
    return [_query(name, schema, words, required=name in required) for name, schema, words in described]


def _statistics(name: str) -> Schema:
    content = {f"{JSON}; timestamp={times}": {"schema": _ref(f"{name}_{times}")} for times in ("rfc", "unix")}
    found = {"200": {"description": "Values by time, and their summary.", "content": content}}
    return found | _errors("400", "401", "404", "406", "503")


def _query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def _json(description: str, name: str) -> Schema:
    return {"description": description, "content": {JSON: {"schema": _ref(name)}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _errors(*statuses: str) -> Schema:
    return {
        status: {"description": _BY[status], "content": {JSON: {"schema": ALERTS}}} for status in statuses
    }
