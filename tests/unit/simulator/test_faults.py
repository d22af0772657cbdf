"""What can be made to go wrong while the simulator runs."""

import json
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tstats.simulator.faults import ALL, TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

MONITOR = "cdn1-monitor-1"
LONG_S = 60.0  # longer than any test may take: whatever waits so long has to be released


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(World.build(cdns=1, caches=4, delivery_services=2, monitors=2)) as simulator:
        yield simulator


def feed(
    sim: Simulator, http: requests.Session, position: int = 0, name: str = "DsStats"
) -> requests.Response:
    url = sim.monitor_urls["cdn1"][position]
    return http.get(f"{url}/publish/{name}?hc=1", timeout=5)


def ping(sim: Simulator, http: requests.Session) -> requests.Response:
    return http.get(f"{sim.traffic_ops_url}/api/5.0/ping", timeout=5)


def test_a_status_comes_with_plain_text(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(503, "starting up\n"))
    response = feed(sim, http)

    assert (response.status_code, response.text) == (503, "starting up\n")
    assert response.headers["Content-Type"].startswith("text/plain")


def test_a_request_that_gets_a_status_has_no_effect(sim: Simulator, http: requests.Session) -> None:
    http.post(f"{sim.traffic_ops_url}/api/5.0/user/login", json={"u": "admin", "p": "twelve12"}, timeout=5)
    sim.faults.set(TRAFFIC_OPS, Fault.status(500))
    row = {"statName": "a", "statValue": 1, "summaryTime": "2026-01-02T00:00:00Z"}
    response = http.post(f"{sim.traffic_ops_url}/api/5.0/stats_summary", json=row, timeout=5)

    assert response.status_code == 500
    assert sim.summaries.rows == ()


def test_truncated_json_is_good_http(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.truncated())
    response = feed(sim, http)

    assert response.status_code == 200
    assert response.text.startswith('{"deliveryService"')
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_a_cut_off_body_breaks_the_connection(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.cut_off())

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        feed(sim, http)


def test_a_web_page_instead_of_json(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(TRAFFIC_OPS, Fault.html())
    response = ping(sim, http)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert response.text.startswith("<!DOCTYPE html>")


def test_an_empty_body(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.empty())
    response = feed(sim, http)

    assert (response.status_code, response.content) == (200, b"")


def test_a_hostile_body_can_be_made_from_the_right_one(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.body(lambda right: right.replace(b"cdn1-live-01", b"evil,name=\\\\")))

    assert "evil,name=\\" in feed(sim, http).json()["deliveryService"]


def test_a_slow_server_answers_after_a_wait(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.slow(0.2))
    began = time.monotonic()
    response = feed(sim, http)

    assert response.status_code == 200
    assert time.monotonic() - began >= 0.2


def test_the_server_survives_a_client_that_times_out(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.slow(LONG_S))
    with pytest.raises(requests.ReadTimeout):
        http.get(f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats", timeout=0.1)

    sim.faults.clear()
    assert feed(sim, http).status_code == 200


def test_a_dripping_body_arrives_whole_but_late(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.drip(0.2))
    began = time.monotonic()
    response = feed(sim, http)

    assert time.monotonic() - began >= 0.15
    assert set(response.json()) == {"deliveryService", "pp", "date"}
    assert sim.wait_until(lambda: len(sim.served) == 1)


def test_clearing_releases_a_waiting_response_at_once(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.slow(LONG_S))
    responses: list[requests.Response] = []
    client = threading.Thread(target=lambda: responses.append(feed(sim, http)))
    client.start()
    assert sim.wait_until(lambda: len(sim.requests) == 1)
    sim.faults.clear(MONITOR)
    client.join(5)

    assert [response.status_code for response in responses] == [200]


def test_leaving_the_simulator_does_not_wait_for_a_slow_response(http: requests.Session) -> None:
    def ask(url: str) -> None:
        with pytest.raises(requests.ConnectionError):
            http.get(url, timeout=LONG_S)

    began = time.monotonic()
    with Simulator(World.build(cdns=1, monitors=1)) as sim:
        sim.faults.set(TRAFFIC_OPS, Fault(drip_s=LONG_S, delay_s=LONG_S))
        client = threading.Thread(target=ask, args=(f"{sim.traffic_ops_url}/api/5.0/ping",))
        client.start()
        assert sim.wait_until(lambda: len(sim.requests) == 1)
    client.join(5)

    assert time.monotonic() - began < 5


def test_a_fault_strikes_only_its_server(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(503))

    assert [feed(sim, http, position).status_code for position in (0, 1)] == [503, 200]
    assert ping(sim, http).status_code == 200


def test_a_fault_of_all_strikes_every_server(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(ALL, Fault.status(503))

    assert {feed(sim, http).status_code, feed(sim, http, 1).status_code, ping(sim, http).status_code} == {503}


def test_a_fault_can_be_limited_to_a_path(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(503), path="/publish/DsStats")

    assert feed(sim, http, name="DsStats").status_code == 503
    assert feed(sim, http, name="CacheStats").status_code == 200


def test_a_fault_can_be_limited_to_a_number_of_times(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(503), times=2)

    assert [feed(sim, http).status_code for _ in range(4)] == [503, 503, 200, 200]


def test_the_fault_set_last_strikes_first(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(500))
    sim.faults.set(MONITOR, Fault.status(502), times=1)

    assert [feed(sim, http).status_code for _ in range(2)] == [502, 500]


def test_a_server_that_is_down_refuses_and_comes_back_on_its_port(
    sim: Simulator, http: requests.Session
) -> None:
    url = sim.traffic_ops_url
    assert ping(sim, http).status_code == 200
    for _ in range(3):
        sim.faults.down(TRAFFIC_OPS)
        with pytest.raises(requests.ConnectionError):
            ping(sim, http)
        assert feed(sim, http).status_code == 200
        sim.faults.up(TRAFFIC_OPS)
        assert ping(sim, http).status_code == 200

    assert sim.traffic_ops_url == url


def test_going_down_breaks_a_response_in_the_middle(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.drip(LONG_S))
    with http.get(f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats", stream=True, timeout=5) as response:
        assert response.raw.read(10)
        sim.faults.down(MONITOR)
        with pytest.raises(requests.RequestException):
            response.content  # noqa: B018 (reads the rest)

    assert sim.served == ()


@pytest.mark.parametrize("times", [None, 1])
def test_going_down_does_not_wait_for_a_slow_response(
    sim: Simulator, http: requests.Session, times: int | None
) -> None:
    def ask() -> None:
        with pytest.raises(requests.ConnectionError):
            feed(sim, http)

    sim.faults.set(MONITOR, Fault.slow(LONG_S), times=times)
    client = threading.Thread(target=ask)
    client.start()
    assert sim.wait_until(lambda: len(sim.requests) == 1)
    sim.faults.down(MONITOR)
    client.join(5)

    assert not client.is_alive()
    assert sim.served == ()


def test_down_and_up_twice_is_the_same_as_once(sim: Simulator, http: requests.Session) -> None:
    sim.faults.down()
    sim.faults.down()
    with pytest.raises(requests.ConnectionError):
        feed(sim, http)
    sim.faults.up()
    sim.faults.up()

    assert feed(sim, http).status_code == 200


def test_a_fault_outlives_a_restart_and_clear_ends_both(sim: Simulator, http: requests.Session) -> None:
    sim.faults.set(MONITOR, Fault.status(503))
    sim.faults.down(MONITOR)
    sim.faults.up(MONITOR)
    assert feed(sim, http).status_code == 503

    sim.faults.down(MONITOR)
    sim.faults.clear(MONITOR)
    assert feed(sim, http).status_code == 200


@pytest.mark.parametrize("name", ["cdn9-monitor-1", "", "traffic-ops"])
def test_the_error_for_an_unknown_server_names_the_known_ones(sim: Simulator, name: str) -> None:
    for do in (sim.faults.down, sim.faults.up, sim.faults.clear):
        with pytest.raises(ValueError, match=r"traffic_ops, cdn1-monitor-1, cdn1-monitor-2 and all"):
            do(name)
    with pytest.raises(ValueError, match="no server"):
        sim.faults.set(name, Fault.empty())


def test_servers_of_a_simulator_that_does_not_run_cannot_go_down() -> None:
    with pytest.raises(RuntimeError, match="entered"):
        Simulator(World.build()).faults.down()
