"""stats_summary in the whole API: responses by version, permissions, and failures."""

import json
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.asgi_client import AppResponse, request
from tests.support.days import migrated
from tests.support.postgres import Postgres
from tests.support.waiting import wait_for
from tstats.api import assembly
from tstats.api.access.token_file import TokenFile
from tstats.api.http.app import App
from tstats.api.http.routing import VERSIONS
from tstats.api.stats_summary import handlers
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.simulator.summaries import StatsSummaryTable

CREATED = (200, "success", "Stats Summary was successfully created")
UNAUTHORIZED = 401
ROW: dict[str, Any] = {
    "statDate": "2026-11-20",
    "summaryTime": "2026-11-21T21:51:20Z",
    "cdnName": "cdn1",
    "deliveryServiceName": "all",
    "statName": "daily_maxgbps",
    "statValue": 2.25,
}
NO_INFLUXDB = "http://127.0.0.1:9"  # the summaries do not need it


def api(url: str, **keys: Any) -> App:  # noqa: ANN401 (any setting)
    """Return the API with a database of summaries; by default without authentication."""
    return assembly.build_app(
        Settings(influx_urls=[NO_INFLUXDB], database_url=Secret(url), **({"api_auth": "none"} | keys))
    )


def post(
    app: App, version: str = "5.0", headers: dict[str, str] | None = None, **changed: object
) -> AppResponse:
    return request(
        app,
        f"/api/{version}/stats_summary",
        method="POST",
        headers={"Content-Type": "application/json"} | (headers or {}),
        body=json.dumps(ROW | changed).encode(),
    )


def get(app: App, query: str = "", version: str = "5.0") -> AppResponse:
    return request(app, f"/api/{version}/stats_summary?{query}")


@pytest.fixture
def url(tmp_path: Path) -> str:
    migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
    return url


@pytest.fixture
def app(url: str) -> App:
    return api(url)


# --- responses


def test_posted_records_can_be_read(database_url: str) -> None:
    migrated(database_url)
    app = api(database_url)
    assert post(app).alert == CREATED
    assert post(app, cdnName="cdn2", statDate=None, statValue=-3).alert == CREATED
    assert get(app).json == {"response": [ROW, ROW | {"cdnName": "cdn2", "statDate": None, "statValue": -3}]}
    assert get(app, "cdnName=cdn2&orderby=statName&limit=5").json["response"][0]["statValue"] == -3
    assert get(app, "cdnName=none").json == {"response": []}


@pytest.mark.parametrize("version", VERSIONS)
def test_times_have_the_form_of_the_version(app: App, version: str) -> None:
    assert post(app, version).alert == CREATED
    time = "2026-11-21T21:51:20Z" if version == "5.0" else "2026-11-21 21:51:20+00"
    assert get(app, version=version).json == {"response": [ROW | {"summaryTime": time}]}
    assert get(app, "lastSummaryDate=true", version).json == {"response": {"summaryTime": time}}
    nothing = get(app, "lastSummaryDate=true&statName=none", version)
    assert nothing.json == {"response": {"summaryTime": None}}


def test_the_keys_of_a_record_are_in_traffic_ops_order(app: App) -> None:
    post(app)
    assert list(get(app).json["response"][0]) == list(ROW)


def test_a_response_has_the_headers_of_traffic_ops(app: App) -> None:
    response = get(app)
    assert (response.status, response.headers["content-type"]) == (200, "application/json")
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["cache-control"] == "no-store"
    assert len(response.headers["whole-content-sha512"]) == 88


def test_a_day_that_is_posted_again_is_one_record(app: App) -> None:
    assert post(app, statValue=1).alert == CREATED
    later: dict[str, Any] = {"statValue": 2, "summaryTime": "2026-11-21T21:52:20Z"}
    assert post(app, **later).alert == CREATED
    assert post(app, statValue=3).alert == CREATED  # out of order: the newer one stays
    assert get(app).json == {"response": [ROW | later]}
    assert post(app, statDate=None).alert == CREATED
    assert post(app, statDate=None).alert == CREATED
    assert len(get(app).json["response"]) == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_the_simulated_traffic_ops_responds_the_same(app: App, version: str) -> None:
    simulated = StatsSummaryTable()
    for cdn, service, stat in (("cdn2", "all", "b"), ("cdn1", "all", "a"), ("cdn1", "vod", "c")):
        row = ROW | {"cdnName": cdn, "deliveryServiceName": service, "statName": stat}
        row["summaryTime"] = f"2026-11-21 21:5{len(simulated.rows)}:20+00"
        simulated.post(json.dumps(row).encode())
        assert post(app, version, **row).alert == CREATED
    for query in (
        "",
        "cdnName=cdn1",
        "cdnName=",
        "deliveryServiceName=vod&statName=c",
        "orderby=cdnName&sortOrder=desc",
        "orderby=statName",
        "orderby=nosuch",
        "limit=2",
        "limit=0",
        "lastSummaryDate=true",
        "lastSummaryDate=false&statName=a",
        "lastSummaryDate=1&statName=none",
        "lastSummaryDate=&statName=b",
        "lastSummaryDate=true&cdnName=cdn2",
    ):
        assert get(app, query, version).json == json.loads(simulated.get(query, version).body), query


# --- refusals


@pytest.mark.parametrize("version", VERSIONS)
def test_an_invalid_body_is_refused_as_by_traffic_ops(app: App, version: str) -> None:
    refused = post(app, version, summaryTime="yesterday")
    assert refused.alert == (400, "error", "decoding: invalid timestamp given for summaryTime")
    empty = request(app, f"/api/{version}/stats_summary", method="POST")
    assert empty.alert == (400, "error", "decoding: EOF")
    assert get(app).json == {"response": []}


def test_an_invalid_parameter_is_reported(app: App) -> None:
    text = "Invalid limit! Must be a whole number from 0, or -1 for all records"
    assert get(app, "limit=x").alert == (400, "error", text)


def test_a_body_that_is_too_large_is_not_read(app: App) -> None:
    status, level, text = post(app, statName="x" * 70_000).alert
    assert (status, level) == (413, "error")
    assert "65536 bytes" in text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_not_found(app: App, method: str) -> None:
    response = request(app, "/api/5.0/stats_summary", method=method)
    assert response.alert == (404, "error", "The requested path '/api/5.0/stats_summary' does not exist.")


def test_too_many_records_for_a_response_are_refused(url: str) -> None:
    app = api(url, api_max_points=1)
    post(app)
    post(app, cdnName="cdn2")
    status, _, text = get(app).alert
    assert (status, "limit and offset" in text) == (400, True)
    assert len(get(app, "cdnName=cdn2").json["response"]) == 1


# --- permissions


def test_without_a_token_nothing_can_be_read_or_written(url: str, tmp_path: Path) -> None:
    app = api(url, api_auth="tokens", api_tokens_file=str(tmp_path / "tokens.json"))
    for response in (get(app), get(app, "limit=x"), post(app), post(app, statName="")):
        assert response.alert[:2] == (UNAUTHORIZED, "error")


def test_a_read_token_cannot_write(url: str, tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "tokens.json")
    app = api(url, api_auth="tokens", api_tokens_file=str(tmp_path / "tokens.json"))
    reader, writer = (
        {"Authorization": f"Bearer {tokens.create(name, write=name == 'writer', expires=None).reveal()}"}
        for name in ("reader", "writer")
    )
    forbidden = (403, "error", "missing required Permissions: STAT:CREATE")
    assert post(app, headers=reader).alert == forbidden
    assert post(app, headers=reader, statName="").alert == forbidden  # before the body is read
    assert post(app, headers=writer).alert == CREATED
    assert request(app, "/api/5.0/stats_summary", headers=reader).json == {"response": [ROW]}


# --- failures


def test_a_missing_database_is_a_503_without_its_address(tmp_path: Path) -> None:
    app = api(f"sqlite:///{tmp_path / 'secret-name.db'}")
    for ask in (get, post):
        with capture_logs() as logs:
            response = ask(app)
        assert response.alert == (503, "error", handlers.UNUSABLE)
        assert "secret-name.db" in str(logs)
    unreachable = api("postgresql://someone:hunter2@127.0.0.1:9/none")
    assert get(unreachable).alert == (503, "error", handlers.UNREACHABLE)


def test_a_locked_database_is_a_503(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "_LOCK_SECONDS", 0.1)
    app = api(url)
    with Database(Secret(url)).connect() as other:
        other.exec_driver_sql("COMMIT")
        other.exec_driver_sql("BEGIN EXCLUSIVE")
        for ask in (get, post):
            assert ask(app).alert == (503, "error", handlers.UNUSABLE)
    assert post(app).alert == CREATED


def test_other_requests_are_answered_while_some_wait_for_the_database(
    postgres: Postgres, postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assembly, "_LOCK_SECONDS", 60.0)
    migrated(url := postgres.url(postgres_database))
    app = api(url, api_query_timeout=60)
    responses: list[AppResponse] = []
    threads = [threading.Thread(target=lambda: responses.append(get(app))) for _ in range(6)]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with ExitStack() as at_the_end, Database(Secret(url)).connect() as other:
        other.exec_driver_sql("LOCK TABLE stats_summary")
        for thread in threads:
            thread.start()
            at_the_end.callback(thread.join)
        with postgres.connect() as looking:
            wait_for(
                lambda: looking.execute(waiting, (postgres_database,)).fetchall() == [(4,)],
                "four sessions to wait, one per thread",
            )
        assert request(app, "/api/5.0/ping").json == {"ping": "pong"}
    assert [response.status for response in responses] == [200] * len(threads)


def test_requests_beyond_the_queue_are_refused(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "_MAX_QUEUED", -handlers._THREADS)  # noqa: SLF001 (room for no request)
    assert get(app).alert == (503, "error", handlers.BUSY)


# --- ping


@pytest.mark.parametrize("version", VERSIONS)
def test_ping_needs_no_session(url: str, tmp_path: Path, version: str) -> None:
    app = api(url, api_auth="tokens", api_tokens_file=str(tmp_path / "tokens.json"))
    response = request(app, f"/api/{version}/ping")
    assert (response.status, response.body) == (200, b'{"ping":"pong"}')
    assert request(app, f"/api/{version}/ping", method="POST").alert[0] == 404
