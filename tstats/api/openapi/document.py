"""The OpenAPI document, made from the tables that the parsers use."""

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import tstats
from tstats import catalog
from tstats.api.http.responses import JSON, REVALIDATE, json_response
from tstats.api.http.routing import VERSIONS, Route
from tstats.api.openapi.schemas import ALERTS, SECURITY_SCHEMES, Schema, components
from tstats.api.statistics.query import CACHE_STATS_REQUIRED, DELIVERYSERVICE_STATS_REQUIRED
from tstats.api.stats_summary.query import ALL_ROWS, MAX_ROWS, PARAMETERS
from tstats.core.time import FORMS

PATH: Final = "/openapi.json"
_ERRORS = {
    "400": "A parameter or the body is invalid; the text says which.",
    "401": "No valid session or token.",
    "403": "The session or token lacks the permission.",
    "404": "It does not exist, or the caller may not see it.",
    "406": "None of the media types in Accept is available.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "501": "This version of the API is not supported.",
    "503": "A server that is needed (InfluxDB, the SQL database, Traffic Ops) cannot be reached now.",
}
_MOMENT: Schema = {
    "type": "string",
    "anyOf": [{"pattern": f"^{form.pattern}$"} for form in FORMS] + [{"pattern": "^[+-]?[0-9]+$"}],
    "examples": ["2026-11-18T10:00:00Z", "1794996000000000000"],
}
_MOMENT_DESCRIPTION = "RFC 3339, `2006-01-02 15:04:05-07`, or nanoseconds since the epoch."
_ACCEPT = (
    "Accept chooses the form of times: RFC 3339 for `application/json;timestamp=rfc`, the default, and"
    " nanoseconds since the epoch for `application/json;timestamp=unix`."
)


def document() -> Schema:
    """Return the OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tstats",
            "version": tstats.__version__,
            "summary": "Traffic Ops' statistics API, served by tstats",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{name: []} for name in SECURITY_SCHEMES],
        "tags": [
            {"name": "statistics", "description": "Statistics from InfluxDB."},
            {"name": "summaries", "description": "Daily summaries in the SQL database."},
            {"name": "service", "description": "This server itself; no session is needed."},
        ],
        "paths": _paths(),
        "components": {"schemas": components(), "securitySchemes": SECURITY_SCHEMES},
    }


def routes() -> tuple[Route, ...]:
    """Return the route of the document."""
    body = msgspec.json.encode(document())

    async def read(_request: Request) -> Response:
        return json_response(body, headers={"Cache-Control": REVALIDATE})

    return (Route(method="GET", path=PATH, handler=read),)


def _paths() -> Schema:
    api = "/api/{version}"
    return {
        f"{api}/cache_stats": _of_api("get", _cache_stats()),
        f"{api}/deliveryservice_stats": _of_api("get", _deliveryservice_stats()),
        f"{api}/current_stats": _of_api("get", _current_stats()),
        f"{api}/stats_summary": _of_api("get", _read_summaries()) | _of_api("post", _record_summary()),
        f"{api}/ping": _of_api(
            "get", _open("ping", "Whether the server is up.", {"200": _json("It is.", "Ping")})
        ),
        "/healthz": {
            "get": _open(
                "healthz",
                "Whether the server is healthy.",
                {"200": _json("It is.", "Health"), "503": _json("It is not; the body says why.", "Health")},
            )
        },
        "/metrics": {
            "get": _open(
                "metrics",
                "Metrics of this server, for Prometheus.",
                {
                    "200": {
                        "description": "Prometheus' text format.",
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
        "summary": "The statistics of the caches of a CDN.",
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
        "summary": "The statistics of a delivery service.",
        "description": f"{_ACCEPT} Either deliveryServiceName or deliveryService is required.",
        "parameters": [
            *_range(list(catalog.DELIVERYSERVICE_METRICS)),
            _query("deliveryServiceName", {"type": "string"}, "Its xmlId; takes precedence."),
            _query("deliveryService", {"type": "string"}, "Its id or its xmlId."),
        ],
        "responses": _statistics("DeliveryServiceStats"),
    }


def _current_stats() -> Schema:
    return {
        "operationId": "current_stats",
        "tags": ["statistics"],
        "summary": "The current statistics of each CDN, and of all of them together.",
        "responses": {"200": _json("Gbps and connections; null if unknown.", "CurrentStats")}
        | _errors("401", "503"),
    }


def _read_summaries() -> Schema:
    last = "If not empty, return when the last record was made, of statName or of any."
    names: list[Schema] = [
        _query(name, {"type": "string"}, "Only records with this name.") for name in PARAMETERS
    ]
    number = {"type": "integer", "maximum": MAX_ROWS}
    orders = "What to sort by; any other value is ignored."
    return {
        "operationId": "read_stats_summary",
        "tags": ["summaries"],
        "summary": "The recorded summaries, or the time of the last one.",
        "parameters": [
            *names,
            _query("lastSummaryDate", {"type": "string"}, last),
            _query("orderby", {"type": "string", "examples": list(PARAMETERS)}, orders),
            _query("sortOrder", {"type": "string", "examples": ["asc", "desc"]}, "The sort direction."),
            _query("limit", number | {"minimum": ALL_ROWS}, f"The most records; {ALL_ROWS} means all."),
            _query("offset", number | {"minimum": 1}, "Records to skip; ignored without a limit."),
            _query("page", number | {"minimum": 1}, "The page; ignored without a limit, or with an offset."),
        ],
        "responses": {
            "200": {
                "description": "The records, or the time of the last one.",
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
            "Of the records with the same CDN, delivery service, statistic and date, the one with the latest"
            " summaryTime is kept. Keys match in any letter case, and unknown keys are ignored."
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
    count = {"type": "integer", "minimum": 0, "maximum": MAX_ROWS}
    interval = "The length of a bucket, in minutes, hours, days or weeks."
    described: list[tuple[str, Schema, str]] = [
        ("metricType", {"type": "string", "enum": metrics}, "The metric."),
        ("startDate", _MOMENT, _MOMENT_DESCRIPTION),
        ("endDate", _MOMENT, _MOMENT_DESCRIPTION),
        ("interval", {"type": "string", "pattern": "^[0-9]*[1-9][0-9]*[mhdw]$", "default": "1m"}, interval),
        ("limit", count, "The most values; 0 means all."),
        ("offset", count, "Values to skip."),
        ("orderby", {"type": "string", "enum": ["time"]}, "Values are sorted by time."),
        (
            "exclude",
            {"type": "string", "enum": ["series", "summary"]},
            "The part to leave out.",
        ),
    ]
    return [_query(name, schema, words, required=name in required) for name, schema, words in described]


def _statistics(name: str) -> Schema:
    content = {f"{JSON}; timestamp={times}": {"schema": _ref(f"{name}_{times}")} for times in ("rfc", "unix")}
    found = {"200": {"description": "Values over time, and their summary.", "content": content}}
    return found | _errors("400", "401", "404", "406", "503")


def _query(name: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema}


def _json(description: str, name: str) -> Schema:
    return {"description": description, "content": {JSON: {"schema": _ref(name)}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _errors(*statuses: str) -> Schema:
    return {
        status: {"description": _ERRORS[status], "content": {JSON: {"schema": ALERTS}}} for status in statuses
    }
