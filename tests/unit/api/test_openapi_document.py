"""The OpenAPI document says what the routes and parsers are; /docs shows it, safely."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.asgi_client import asked
from tstats import catalog
from tstats.api import assembly
from tstats.api.access import authority
from tstats.api.http.app import App
from tstats.api.http.metrics import Telemetry
from tstats.api.http.problem import Problem
from tstats.api.http.routing import VERSIONS
from tstats.api.http.service import Service
from tstats.api.openapi import docs_page
from tstats.api.openapi.document import document
from tstats.api.statistics.query import parse_cache_stats
from tstats.api.stats_summary.post import TEXTS, VALUE
from tstats.api.stats_summary.query import PARAMETERS
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.core.time import parse_time
from tstats.influx.async_reader import InfluxReader
from tstats.influx.client import Endpoint

SETTINGS = Settings(
    influx_urls=["http://127.0.0.1:9"], api_auth="none", database_url=Secret("sqlite:///none.db")
)
READER = InfluxReader([Endpoint(url="http://127.0.0.1:9")], seconds=1)
SERVICE = Service(
    settings=SETTINGS, access=authority.make(SETTINGS, READER), reader=READER, telemetry=Telemetry()
)
ROUTES = assembly.routes(SERVICE)
DOCUMENT = document()


def parameter(operation: str, name: str) -> dict[str, Any]:
    listed = DOCUMENT["paths"][f"/api/{{version}}/{operation}"]["get"]["parameters"]
    found: dict[str, Any] = next(each for each in listed if each["name"] == name)
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


# --- the document


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method, path.removeprefix("/api/{version}/")) for method, path, _ in operations()}
    of_pages = {route.path for route in ROUTES if route.path.startswith(("/docs", "/openapi.json"))}
    assert described == {(route.method, route.path) for route in ROUTES if route.path not in of_pages}


def test_what_can_be_asked_is_what_the_tables_have() -> None:
    assert parameter("cache_stats", "version")["schema"]["enum"] == list(VERSIONS)
    assert parameter("cache_stats", "metricType")["schema"]["enum"] == list(catalog.CACHE_METRICS)
    of_services = parameter("deliveryservice_stats", "metricType")["schema"]["enum"]
    assert of_services == list(catalog.DELIVERYSERVICE_METRICS)
    assert all(parameter("stats_summary", name)["in"] == "query" for name in PARAMETERS)
    assert set(DOCUMENT["components"]["schemas"]["PostedSummary"]["properties"]) == {*TEXTS, VALUE}


@pytest.mark.parametrize(
    "text", ["2026-11-18T10:00:00Z", "2026-11-18T1:00:00,5+02:00", "2026-11-18 10:00:00-07", "-1", "+5"]
)
def test_the_patterns_of_times_are_those_of_the_parser(text: str) -> None:
    patterns = [form["pattern"] for form in parameter("cache_stats", "startDate")["schema"]["anyOf"]]
    assert isinstance(parse_time(text), int)
    assert any(re.search(pattern, text) for pattern in patterns)
    assert not any(re.search(pattern, f"{text}x") for pattern in patterns)


@pytest.mark.parametrize("text", ["1m", "05h", "10d", "100w", "0m", "1s", "m", "1h30m", " 1m", ""])
def test_the_pattern_of_intervals_is_that_of_the_parser(text: str) -> None:
    given = {"metricType": "bandwidth", "startDate": "0", "endDate": "0", "cdnName": "c", "interval": text}
    told = ""
    try:
        parse_cache_stats(given, "", catalog.CACHE_METRICS, most=1)
    except Problem as problem:
        told = problem.text
    pattern = parameter("cache_stats", "interval")["schema"]["pattern"]
    assert bool(re.search(pattern, text)) == (not told.startswith("interval: must be"))


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert names == set(DOCUMENT["components"]["schemas"])


def test_operations_have_names_and_the_answers_that_each_can_have() -> None:
    identifiers = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(identifiers)) == len(identifiers)
    for _, path, operation in operations():
        statuses = set(operation["responses"])
        assert "200" in statuses
        if path.startswith("/api/"):
            assert {"404", "501"} <= statuses
            assert ("401" in statuses) == (operation.get("security") != [])


def test_anybody_may_read_it() -> None:
    answer = asked(App(SERVICE, ROUTES), "/openapi.json")
    assert (answer.status, answer.headers["content-type"], answer.json) == (200, "application/json", DOCUMENT)
    held = {"If-None-Match": answer.headers["etag"]}
    assert asked(App(SERVICE, ROUTES), "/openapi.json", headers=held).status == 304


# --- the page


def test_the_page_and_its_parts_come_from_here() -> None:
    app = App(SERVICE, ROUTES)
    page = asked(app, "/docs")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    linked = re.findall(r'(?:href|src)="([^"]+)"', page.body.decode())
    assert all(link.startswith("/") and not link.startswith("//") for link in linked)
    for link in linked:
        assert asked(app, link).status == 200, link
    assert b'url: "/openapi.json"' in asked(app, "/docs/start.js").body
    assert b"SwaggerUIBundle" in asked(app, "/docs/swagger-ui-bundle.js").body


def test_no_script_stands_in_the_page_and_none_from_elsewhere_is_run() -> None:
    page = asked(App(SERVICE, ROUTES), "/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == (
        "'none'",
        "'self'",
        "'self'",
    )
    assert policy["frame-ancestors"] == "'none'"
    assert not re.search(rb"<script(?! src=)|\son\w+=|javascript:|<style|\sstyle=", page.body)


def test_nothing_but_the_parts_can_be_read() -> None:
    app = App(SERVICE, ROUTES)
    for path in ("/docs/core.py", "/docs/../core.py", "/docs/redoc.standalone.js", "/docs/static/x"):
        assert asked(app, path).status == 404


def test_without_the_files_the_page_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docs_page, "_PACKAGE", "no_such_package")
    assert docs_page.folder() is None
    app = App(SERVICE, docs_page.routes(docs_page.folder()))
    answer = asked(app, "/docs")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert b"pip install 'tstats[page]'" in answer.body


def test_a_package_without_the_files_is_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty_package").mkdir()
    (tmp_path / "empty_package" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(docs_page, "_PACKAGE", "empty_package")
    assert docs_page.folder() is None
