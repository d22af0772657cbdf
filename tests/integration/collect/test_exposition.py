"""/metrics and /healthz as Prometheus and a load balancer see them."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
import requests

from tstats.collect.exposition import Exposition
from tstats.collect.telemetry import Telemetry
from tstats.errors import ConfigError

ANSWER_S = 5


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry(clock=lambda: 100.0)


@pytest.fixture
def wrong() -> list[str]:
    """What is wrong now; a test may change it."""
    return []


@pytest.fixture
def exposition(telemetry: Telemetry, wrong: list[str]) -> Iterator[Exposition]:
    server = Exposition("127.0.0.1", 0, registry=telemetry.registry, problems=lambda: wrong)
    yield server
    server.close()


def get(exposition: Exposition, path: str) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{exposition.port}{path}", timeout=ANSWER_S)


def test_metrics_show_every_count_by_its_labels(exposition: Exposition, telemetry: Telemetry) -> None:
    telemetry.poll_succeeded("cdn1", "CacheStats")
    telemetry.points.labels("cache_stats").inc(42)
    telemetry.bad_samples.labels("cdn1", "CacheStats", "value").inc(2)
    telemetry.published.labels("any").inc(40)
    telemetry.dropped.labels("any", "rejected").inc()
    telemetry.spool_bytes.set(1234)
    telemetry.spool_age.labels("any").set(7)
    telemetry.inventory_age.set(9)
    telemetry.publish_seconds.labels("any").observe(0.2)
    answer = get(exposition, "/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    for line in (
        'tstats_polls_total{cdn="cdn1",feed="CacheStats",outcome="collected"} 1.0',
        'tstats_collected_points_total{database="cache_stats"} 42.0',
        'tstats_bad_samples_total{cdn="cdn1",feed="CacheStats",reason="value"} 2.0',
        'tstats_last_good_poll_age_seconds{cdn="cdn1",feed="CacheStats"} 0.0',
        'tstats_published_points_total{target="any"} 40.0',
        'tstats_dropped_batches_total{reason="rejected",target="any"} 1.0',
        "tstats_spool_bytes 1234.0",
        'tstats_spool_oldest_age_seconds{target="any"} 7.0',
        "tstats_inventory_age_seconds 9.0",
        'tstats_publish_seconds_bucket{le="0.25",target="any"} 1.0',
    ):
        assert line in answer.text.splitlines()


def test_every_metric_says_what_it_is(exposition: Exposition) -> None:
    text = get(exposition, "/metrics").text
    named = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert named == set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    assert {"tstats_polls_total", "tstats_spool_bytes", "tstats_publish_seconds"} <= named


def test_a_cdn_that_is_no_longer_polled_is_forgotten(exposition: Exposition, telemetry: Telemetry) -> None:
    for cdn in ("cdn1", "cdn2"):
        telemetry.poll_succeeded(cdn, "DsStats")
    telemetry.forget_polls({("cdn2", "DsStats")})
    assert telemetry.poll_ages() == {("cdn2", "DsStats"): 0.0}
    text = get(exposition, "/metrics").text
    assert 'tstats_last_good_poll_age_seconds{cdn="cdn2",feed="DsStats"} 0.0' in text
    assert 'tstats_last_good_poll_age_seconds{cdn="cdn1"' not in text


def test_health_says_what_is_wrong(exposition: Exposition, wrong: list[str]) -> None:
    healthy = get(exposition, "/healthz")
    assert (healthy.status_code, healthy.json()) == (200, {"healthy": True, "problems": []})
    wrong.append("cdn1 CacheStats: no good poll yet")
    ill = get(exposition, "/healthz")
    assert (ill.status_code, ill.headers["Content-Type"]) == (503, "application/json")
    assert json.loads(ill.text) == {"healthy": False, "problems": wrong}


@pytest.mark.parametrize("path", ["/", "/metric", "/healthz/x", "/../metrics"])
def test_other_paths_say_where_to_look(exposition: Exposition, path: str) -> None:
    answer = get(exposition, path.replace("..", "%2e%2e"))
    assert answer.status_code == 404
    assert "/metrics and /healthz" in answer.text


def test_a_client_that_says_nothing_holds_up_nobody(exposition: Exposition) -> None:
    with socket.create_connection(("127.0.0.1", exposition.port)):
        assert get(exposition, "/healthz").status_code == 200


def test_requests_leave_nothing_on_stderr(exposition: Exposition, capsys: pytest.CaptureFixture[str]) -> None:
    get(exposition, "/metrics")
    get(exposition, "/none")
    assert capsys.readouterr() == ("", "")


def test_a_taken_port_is_an_error_that_names_it(exposition: Exposition, telemetry: Telemetry) -> None:
    with pytest.raises(
        ConfigError, match=rf"metricsBind: cannot listen at 127.0.0.1:{exposition.port}: Address"
    ):
        Exposition("127.0.0.1", exposition.port, registry=telemetry.registry, problems=list)


def test_an_address_that_is_not_ours_is_an_error(telemetry: Telemetry) -> None:
    with pytest.raises(ConfigError, match=r"metricsBind: cannot listen at 192\.0\.2\.1"):
        Exposition("192.0.2.1", 0, registry=telemetry.registry, problems=list)


def test_after_closing_nobody_listens(telemetry: Telemetry) -> None:
    server = Exposition("127.0.0.1", 0, registry=telemetry.registry, problems=list)
    server.close()
    with pytest.raises(requests.ConnectionError):
        get(server, "/metrics")
