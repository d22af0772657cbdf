"""The OpenAPI document matches the routes and parsers; /docs shows it safely."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.asgi_client import request
from tstats import catalog
from tstats.api import assembly
from tstats.api.http.app import App
from tstats.api.http.metrics import ApiMetrics
from tstats.api.http.problem import Problem
from tstats.api.http.routing import VERSIONS
from tstats.api.openapi import docs_page
from tstats.api.openapi.document import document
from tstats.api.statistics.query import parse_cache_stats
from tstats.api.stats_summary.post import TEXTS, VALUE
from tstats.api.stats_summary.query import PARAMETERS
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.core.time import parse_time

APP = assembly.build_app(
    Settings(influx_urls=["http://127.0.0.1:9"], api_auth="none", database_url=Secret("sqlite:///none.db"))
)
DOCUMENT = document()


def parameter(operation: str, name: str) -> dict[str, Any]:
    listed = DOCUMENT["paths"][f"/api/{{version}}/{operation}"]["get"]["parameters"]
    found: dict[str, Any] = next(entry for entry in listed if entry["name"] == name)
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


# --- the document


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method, path.removeprefix("/api/{version}/")) for method, path, _ in operations()}
    pages = ("/docs", "/openapi.json", "/page/")
    assert described == {
        (route.method, route.path)
        for route in APP.routes
        if route.path != "/" and not route.path.startswith(pages)
    }


def test_the_parameters_are_those_of_the_catalog_and_the_parsers() -> None:
    assert parameter("cache_stats", "version")["schema"]["enum"] == list(VERSIONS)
    assert parameter("cache_stats", "metricType")["schema"]["enum"] == list(catalog.CACHE_METRICS)
    of_services = parameter("deliveryservice_stats", "metricType")["schema"]["enum"]
    assert of_services == list(catalog.DELIVERYSERVICE_METRICS)
    assert all(parameter("stats_summary", name)["in"] == "query" for name in PARAMETERS)
    assert set(DOCUMENT["components"]["schemas"]["PostedSummary"]["properties"]) == {*TEXTS, VALUE}


@pytest.mark.parametrize(
    "text", ["2026-11-18T10:00:00Z", "2026-11-18T1:00:00,5+02:00", "2026-11-18 10:00:00-07", "-1", "+5"]
)
def test_the_patterns_of_times_match_the_parser(text: str) -> None:
    patterns = [form["pattern"] for form in parameter("cache_stats", "startDate")["schema"]["anyOf"]]
    assert isinstance(parse_time(text), int)
    assert any(re.search(pattern, text) for pattern in patterns)
    assert not any(re.search(pattern, f"{text}x") for pattern in patterns)


@pytest.mark.parametrize("text", ["1m", "05h", "10d", "100w", "0m", "1s", "m", "1h30m", " 1m", ""])
def test_the_pattern_of_intervals_matches_the_parser(text: str) -> None:
    given = {"metricType": "bandwidth", "startDate": "0", "endDate": "0", "cdnName": "c", "interval": text}
    refusal = ""
    try:
        parse_cache_stats(given, "", catalog.CACHE_METRICS, max_points=1)
    except Problem as problem:
        refusal = problem.text
    pattern = parameter("cache_stats", "interval")["schema"]["pattern"]
    assert bool(re.search(pattern, text)) == (not refusal.startswith("interval: must be"))


def test_every_schema_is_defined_and_used() -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert names == set(DOCUMENT["components"]["schemas"])


def test_operations_have_unique_names_and_all_their_responses() -> None:
    identifiers = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(identifiers)) == len(identifiers)
    for _, path, operation in operations():
        statuses = set(operation["responses"])
        assert "200" in statuses
        if path.startswith("/api/"):
            assert {"404", "501"} <= statuses
            assert ("401" in statuses) == (operation.get("security") != [])


def test_it_is_public() -> None:
    response = request(APP, "/openapi.json")
    assert (response.status, response.headers["content-type"], response.json) == (
        200,
        "application/json",
        DOCUMENT,
    )
    headers = {"If-None-Match": response.headers["etag"]}
    assert request(APP, "/openapi.json", headers=headers).status == 304


# --- the page


def test_the_page_and_its_files_come_from_this_server() -> None:
    page = request(APP, "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    linked = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    assert all(link.startswith("/") and not link.startswith("//") for link in linked)
    for link in linked:
        assert request(APP, link).status == 200, link
    assert b'url: "/openapi.json"' in request(APP, "/docs/start.js").body
    assert b"SwaggerUIBundle" in request(APP, "/docs/swagger-ui-bundle.js").body


def test_the_page_runs_only_scripts_of_this_server() -> None:
    page = request(APP, "/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(rb"<script(?! src=)|\son\w+=|javascript:|<style|\sstyle=", page.body)


def test_no_other_file_is_served() -> None:
    for path in ("/docs/core.py", "/docs/../core.py", "/docs/redoc.standalone.js", "/docs/static/x"):
        assert request(APP, path).status == 404


def test_without_the_files_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs_page, "_PACKAGE", "no_such_package")
    assert docs_page.swagger_ui_folder() is None
    app = App(
        docs_page.routes(docs_page.swagger_ui_folder()),
        metrics=ApiMetrics(),
        max_body_bytes=1,
        query_seconds=1,
    )
    response = request(app, "/docs")
    assert (response.status, response.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert b"pip install 'tstats[page]'" in response.body


def test_a_package_without_the_files_counts_as_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty_package").mkdir()
    (tmp_path / "empty_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(docs_page, "_PACKAGE", "empty_package")
    assert docs_page.swagger_ui_folder() is None
