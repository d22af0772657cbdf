"""cache_stats, deliveryservice_stats and current_stats over HTTP, on the points of a real InfluxDB."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.support.api_server import ApiServer
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.ports import NOBODY
from tstats import catalog
from tstats.config.settings import Settings
from tstats.core.time import INFINITE
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database, create_retention_policy

FIRST = int(datetime(2026, 5, 6, 10, 0, tzinfo=UTC).timestamp())
MINUTES = [*range(6), *range(8, 10)]  # 10:00 to 10:09, without two of them
RANGE = "startDate=2026-05-06T09:59:00Z&endDate=2026-05-06T10:09:00Z"
CDN = f"metricType=bandwidth&cdnName=one&{RANGE}"
SERVICE = f"metricType=kbps&deliveryServiceName=vod&{RANGE}"
ZEROS = {
    "average": 0,
    "count": 0,
    "fifthPercentile": 0,
    "max": 0,
    "min": 0,
    "ninetyEighthPercentile": 0,
    "ninetyFifthPercentile": 0,
}
EVIL = "a' OR 1=1; DROP DATABASE cache_stats --"


def points() -> dict[str, list[str]]:
    """Return the lines of each database: minute n has the value 1000 + n, or n connections."""
    caches, services = [], []
    for minute in MINUTES:
        time = FIRST + 60 * minute
        caches += [
            f"bandwidth.cdn.1min,cdn=one value={1000 + minute} {time}",
            f"maxkbps.cdn.1min,cdn=one value=40000000 {time}",
            f"connections.cdn.1min,cdn=one value={minute} {time}",
            f"bandwidth.cdn.1min,cdn=two value=7 {time}",
        ]
        for group, value in (("total", 1000 + minute), ("east", 1)):
            tags = f"cachegroup={group},cdn=one,deliveryservice=vod"
            services += [f"kbps.ds.1min,{tags} value={value} {time}"]
            services += [f"tps_2xx.ds.1min,{tags} value={minute} {time}"]
    return {catalog.CACHE_STATS: caches, catalog.DELIVERYSERVICE_STATS: services}


@pytest.fixture(scope="module")
def filled(influxd: Influxd) -> Iterator[Influx]:
    influx = emptied(influxd)
    for database, lines in points().items():
        influx.query(create_database(database))
        influx.query(create_retention_policy(database, catalog.MONTHLY, keep=INFINITE, replication=1))
        influx.write("\n".join(lines).encode(), database=database, policy=catalog.MONTHLY, precision="s")
    yield influx
    influx.close()


def settings(folder: Path, *urls: str, **options: Any) -> Settings:  # noqa: ANN401 (any setting)
    return Settings(api_auth="none", influx_urls=list(urls), spool_directory=str(folder / "spool"), **options)


@pytest.fixture(scope="module")
def api(filled: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("api")
    with ApiServer(settings(folder, filled.url, api_max_points=1_000)) as server:
        yield server.url


def get(api: str, target: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.get(f"{api}/api/{target}", headers=named, timeout=60)


def response(api: str, target: str, **headers: str) -> Any:  # noqa: ANN401 (any JSON)
    answer = get(api, target, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"response"}
    return answer.json()["response"]


def alert(answer: requests.Response) -> tuple[int, str]:
    [only] = answer.json()["alerts"]
    assert answer.headers["Content-Type"] == "application/json"
    assert only["level"] == "error"
    return answer.status_code, only["text"]


def at(minute: int) -> str:
    return f"2026-05-06T{10 + minute // 60:02}:{minute % 60:02}:00Z"


def test_cache_stats_have_the_series_and_the_summary_of_a_cdn(api: str) -> None:
    found = response(api, f"5.0/cache_stats?{CDN}")
    values = [[at(minute), 1000 + minute if minute in MINUTES else None] for minute in range(9)]
    assert found["series"] == {
        "columns": ["time", "sum_count"],
        "count": 10,
        "name": "bandwidth.cdn.1min",
        "tags": {"cdn": "one"},
        "values": [["2026-05-06T09:59:00Z", None], *values],
    }
    counted = [1000 + minute for minute in MINUTES if minute < 9]
    assert found["summary"] == {
        "average": pytest.approx(sum(counted) / len(counted)),
        "count": len(counted),
        "fifthPercentile": 0,
        "max": 1008,
        "min": 1000,
        "ninetyEighthPercentile": 1008,
        "ninetyFifthPercentile": 1008,
    }


def test_deliveryservice_stats_include_both_ends_and_all_cache_groups(api: str) -> None:
    found = response(api, f"5.0/deliveryservice_stats?{SERVICE}")
    assert found["series"]["columns"] == ["time", "mean"]
    assert found["series"]["tags"] == {"cachegroup": "total"}
    assert found["series"]["values"][1] == [at(0), 1000]
    assert found["series"]["values"][-1] == [at(9), 1009]
    assert found["series"]["count"] == 11
    summary = found["summary"]
    assert (summary["count"], summary["max"], summary["min"]) == (len(MINUTES), 1009, 1000)
    kilobytes = sum(1000 + minute for minute in MINUTES) * 60 / 8
    assert summary["totalKiloBytes"] == pytest.approx(kilobytes)
    assert summary["totalTransactions"] is None


def test_the_total_of_transactions_is_their_number(api: str) -> None:
    summary = response(api, f"4.0/deliveryservice_stats?{SERVICE.replace('kbps', 'tps_2xx')}")["summary"]
    assert summary["totalTransactions"] == pytest.approx(sum(MINUTES) * 60)
    assert summary["totalKiloBytes"] is None


def test_current_stats_are_the_last_values_of_each_cdn(api: str) -> None:
    assert response(api, "3.1/current_stats") == {
        "currentStats": [
            {"bandwidth": 0.001009, "capacity": 34, "cdn": "one", "connections": 9},
            {"bandwidth": 7e-06, "capacity": None, "cdn": "two", "connections": None},
            {"bandwidth": pytest.approx(0.001016), "cdn": "total", "connections": 9},
        ]
    }


@pytest.mark.parametrize(
    ("more", "times"),
    [
        ("limit=2", ["2026-05-06T09:59:00Z", at(0)]),
        ("limit=2&offset=3", [at(2), at(3)]),
        ("offset=8", [at(7), at(8)]),
        ("limit=0&interval=5m", ["2026-05-06T09:59:00Z", at(4)]),
        ("interval=1w", ["2026-05-06T09:59:00Z"]),
        ("orderby=time&interval=6m", ["2026-05-06T09:59:00Z", at(5)]),
    ],
)
def test_limits_offsets_and_intervals(api: str, more: str, times: list[str]) -> None:
    found = response(api, f"5.0/cache_stats?{CDN}&{more}")
    assert [time for time, _ in found["series"]["values"]] == times
    assert found["series"]["count"] == len(times)
    assert found["summary"]["count"] == 7


def test_buckets_start_at_any_second(api: str) -> None:
    dates = "startDate=2026-05-06T12:00:30%2B02:00&endDate=2026-05-06%2010:04:00%2B00"
    found = response(api, f"5.0/cache_stats?metricType=bandwidth&cdnName=one&{dates}&interval=2m")
    assert found["series"]["values"] == [["2026-05-06T10:00:30Z", 1001.5], ["2026-05-06T10:02:30Z", 1003]]


def test_unix_times_are_nanoseconds(api: str) -> None:
    answer = get(api, f"5.0/cache_stats?{CDN}&limit=2", Accept="application/json;timestamp=unix")
    assert answer.headers["Content-Type"] == "application/json; timestamp=unix"
    assert answer.headers["Vary"] == "Accept"
    first = (FIRST - 60) * 10**9
    assert answer.json()["response"]["series"]["values"] == [[first, None], [first + 60 * 10**9, 1000]]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json;timestamp=rfc"])
def test_rfc_3339_times_are_the_default(api: str, accept: str) -> None:
    answer = get(api, f"5.0/deliveryservice_stats?{SERVICE}&limit=1", Accept=accept)
    assert answer.headers["Content-Type"] == "application/json; timestamp=rfc"
    assert answer.json()["response"]["series"]["values"] == [["2026-05-06T09:59:00Z", None]]


@pytest.mark.parametrize(
    "dates",
    [
        "startDate=2026-05-06T01:00:00Z&endDate=2026-05-06T02:00:00Z",
        "startDate=2026-05-06T10:09:00Z&endDate=2026-05-06T10:00:00Z",
        "startDate=2026-05-06T10:00:00Z&endDate=2026-05-06T10:00:00Z",
        "startDate=0001-01-01T00:00:00Z&endDate=2026-05-06T12:00:00Z",
        "startDate=2026-05-06T10:00:00Z&endDate=9999-12-31T00:00:00Z",
    ],
    ids=["before", "backwards", "nothing", "before all time", "after all time"],
)
def test_without_points_there_is_no_series_and_a_summary_of_zeros(api: str, dates: str) -> None:
    assert response(api, f"5.0/cache_stats?metricType=bandwidth&cdnName=one&{dates}") == {"summary": ZEROS}


def test_excluded_parts_are_left_out(api: str) -> None:
    assert response(api, f"5.0/cache_stats?{CDN}&exclude=series").keys() == {"summary"}
    assert response(api, f"5.0/deliveryservice_stats?{SERVICE}&exclude=summary").keys() == {"series"}


@pytest.mark.parametrize("name", ["nope", "ONE", "", "one ", EVIL, "$name", "one' --", "one;two"])
def test_an_unknown_cdn_or_delivery_service_is_not_found(api: str, name: str) -> None:
    target = f"5.0/cache_stats?metricType=bandwidth&{RANGE}&cdnName={quote(name)}"
    assert alert(get(api, target)) == (404, f"no such CDN: {name}")
    target = f"5.0/deliveryservice_stats?metricType=kbps&{RANGE}&deliveryServiceName={quote(name)}"
    assert alert(get(api, target)) == (404, f"No such Delivery Service: {name}")
    assert response(api, f"5.0/cache_stats?{CDN}")["summary"]["count"] == 7


@pytest.mark.parametrize(
    ("target", "status", "text"),
    [
        (
            "5.0/cache_stats?metricType=x",
            400,
            "required parameters missing: missing required parameters: startDate, endDate, cdnName",
        ),
        (f"5.0/cache_stats?{CDN}&limit=x&metricType=x", 400, "Invalid limit!"),
        (f"5.0/cache_stats?{RANGE}&cdnName=nope&metricType=x", 400, "Unknown metric type: x"),
        (f"5.0/deliveryservice_stats?{RANGE}&metricType=x", 400, "Metric is not supported: x"),
        (
            "5.0/cache_stats?metricType=bandwidth&cdnName=one&startDate=0&endDate=2026-05-06T10:09:00Z&interval=1d",
            400,
            (
                "interval: 1d divides this range into 20580 points, and a response has at most 1000; use an"
                " interval of at least 29635m"
            ),
        ),
        ("5.1/cache_stats", 501, "The requested api version is not implemented by this server."),
        ("5.0/cache_stat", 404, "The requested path '/api/5.0/cache_stat' does not exist."),
    ],
)
def test_errors_are_reported(api: str, target: str, status: int, text: str) -> None:
    found, reason = alert(get(api, target))
    assert found == status
    assert reason.startswith(text)


def test_an_unavailable_media_type_is_refused(api: str) -> None:
    answer = get(api, f"5.0/cache_stats?{CDN}", Accept="text/html")
    text = "Failed to negotiate content; cannot produce output satisfying text/html"
    assert alert(answer) == (406, text)


def test_a_response_is_compressed_on_request_and_has_a_digest(api: str) -> None:
    plain = get(api, f"5.0/cache_stats?{CDN}", Accept_Encoding="identity")
    compressed = get(api, f"5.0/cache_stats?{CDN}", Accept_Encoding="gzip")
    assert "Content-Encoding" not in plain.headers
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert plain.content == compressed.content
    digest = base64.b64encode(hashlib.sha512(plain.content).digest()).decode()
    assert plain.headers["Whole-Content-Sha512"] == compressed.headers["Whole-Content-Sha512"] == digest


def test_the_past_is_not_sent_again_until_it_changes(api: str, filled: Influx) -> None:
    target = "5.0/cache_stats?metricType=bandwidth&cdnName=two&" + RANGE
    first = get(api, target)
    etag = first.headers["ETag"]
    again = get(api, target, If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")
    filled.write(
        f"bandwidth.cdn.1min,cdn=two value=8 {FIRST + 360}".encode(),
        database=catalog.CACHE_STATS,
        policy=catalog.MONTHLY,
        precision="s",
    )
    late = get(api, target, If_None_Match=etag)
    assert late.status_code == 200
    assert late.headers["ETag"] != etag
    assert late.json()["response"]["summary"]["max"] == 8


def test_a_range_that_has_not_ended_has_no_etag(api: str) -> None:
    dates = "startDate=2026-05-06T10:00:00Z&endDate=2044-01-01T00:00:00Z"
    answer = get(api, f"5.0/cache_stats?metricType=bandwidth&cdnName=one&{dates}&interval=1w")
    assert answer.status_code == 200
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_and_metrics(api: str) -> None:
    health = requests.get(f"{api}/healthz", timeout=60)
    assert (health.status_code, health.json()) == (200, {"healthy": True, "problems": []})
    get(api, f"5.0/cache_stats?{CDN}")
    metrics = requests.get(f"{api}/metrics", timeout=60)
    assert metrics.headers["Content-Type"].startswith("text/plain")
    assert 'tstats_api_requests_total{route="cache_stats",status="200"}' in metrics.text
    assert "tstats_api_read_seconds_bucket" in metrics.text


def test_one_of_two_influxdbs_may_be_down(filled: Influx, tmp_path: Path) -> None:
    with ApiServer(settings(tmp_path, NOBODY, filled.url)) as server:
        assert response(server.url, f"5.0/cache_stats?{CDN}")["summary"]["count"] == 7


def test_with_every_influxdb_down_it_is_a_503_without_addresses(tmp_path: Path) -> None:
    with ApiServer(settings(tmp_path, NOBODY)) as server:
        answer = get(server.url, f"5.0/cache_stats?{CDN}")
        assert alert(answer) == (503, "InfluxDB cannot be reached right now; try again later")
        health = requests.get(f"{server.url}/healthz", timeout=60)
        assert health.status_code == 503
        assert not health.json()["healthy"]
        for text in (answer.text, health.text):
            assert NOBODY.rpartition(":")[2] not in text


def test_missing_databases_are_a_503(other_influx: Influx, tmp_path: Path) -> None:
    with ApiServer(settings(tmp_path, other_influx.url)) as server:
        answer = get(server.url, "5.0/current_stats")
        status, text = alert(answer)
    assert status == 503
    assert text.startswith("InfluxDB does not have these data")
    assert json.dumps(other_influx.url) not in answer.text
