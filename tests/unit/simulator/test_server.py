"""The simulator as a whole: ports, monitors over HTTP, the record of what was served, many clients."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests

from tests.support.ports import on_free_ports, reserve
from tstats.errors import TstatsError
from tstats.simulator.faults import Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

FEEDS = ("CacheStats", "DsStats")
NOON_S = 1_795_262_400.0  # 2026-11-21 12:00 UTC


@pytest.fixture
def sim() -> Iterator[Simulator]:
    world = World.build(cdns=2, caches=5, delivery_services=2, monitors=2)
    with Simulator(world, clock=lambda: NOON_S, keep_bodies=True) as simulator:
        yield simulator


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_every_cdn_has_its_monitors_on_loopback_ports_of_their_own(sim: Simulator) -> None:
    urls = [sim.traffic_ops_url, *(url for of_cdn in sim.monitor_urls.values() for url in of_cdn)]

    assert {cdn: len(of_cdn) for cdn, of_cdn in sim.monitor_urls.items()} == {"cdn1": 2, "cdn2": 2}
    assert len(set(urls)) == 5
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


def test_a_monitor_reports_the_caches_of_its_cdn(sim: Simulator, http: requests.Session) -> None:
    for cdn in sim.world.cdns:
        for url in sim.monitor_urls[cdn.name]:
            caches = http.get(f"{url}/publish/CacheStats?hc=1", timeout=5).json()["caches"]
            assert list(caches) == [cache.host for cache in cdn.caches]


@pytest.mark.parametrize("path", ["/", "/publish", "/publish/Nonsense", "/api/5.0/ping"])
def test_a_monitor_does_not_know_other_paths(sim: Simulator, http: requests.Session, path: str) -> None:
    answer = http.get(f"{sim.monitor_urls['cdn1'][0]}{path}", timeout=5)

    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


def test_a_monitor_refuses_an_unknown_parameter(sim: Simulator, http: requests.Session) -> None:
    answer = http.get(f"{sim.monitor_urls['cdn1'][0]}/publish/CacheStats?hc=1&foo=1", timeout=5)

    assert (answer.status_code, answer.text) == (400, "invalid query parameter 'foo'\n")


def test_bodies_are_compressed_only_when_the_client_says_so(sim: Simulator, http: requests.Session) -> None:
    url = f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats?hc=1"
    plain = http.get(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    with http.get(url, headers={"Accept-Encoding": "gzip"}, timeout=5, stream=True) as packed:
        content = packed.raw.read(decode_content=False)

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(content) == int(packed.headers["Content-Length"]) < len(plain.content)
    assert gzip.decompress(content) == plain.content


def test_one_connection_serves_many_requests(sim: Simulator) -> None:
    port = int(sim.traffic_ops_url.rpartition(":")[2])
    request = b"GET /api/5.0/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(request)
            received = b""
            while not received.endswith(b"}"):
                received += connection.recv(4096)
            assert received.startswith(b"HTTP/1.1 200")


def test_the_clock_sets_dates_samples_and_records(sim: Simulator, http: requests.Session) -> None:
    body = http.get(f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats?hc=1", timeout=5).json()

    assert body["date"] == "Sat Nov 21 12:00:00 UTC 2026"
    assert sim.requests[0].time == NOON_S
    assert sim.wait_until(lambda: len(sim.served) == 1)
    assert sim.served[0].served_at == NOON_S
    assert NOON_S - 6.1 <= sim.served[0].newest_ms / 1000 <= NOON_S - 1


def test_what_was_served_is_recorded_with_its_body(sim: Simulator, http: requests.Session) -> None:
    bodies = [
        http.get(f"{sim.monitor_urls[cdn][position]}/publish/{feed}?hc=1", timeout=5).content
        for cdn, position, feed in (("cdn1", 0, "CacheStats"), ("cdn2", 1, "DsStats"))
    ]
    assert sim.wait_until(lambda: len(sim.served) == 2)

    assert [(served.cdn, served.monitor, served.feed) for served in sim.served] == [
        ("cdn1", "cdn1-monitor-1", "CacheStats"),
        ("cdn2", "cdn2-monitor-2", "DsStats"),
    ]
    assert [served.body for served in sim.served] == bodies
    newest = max(s["time"] for stats in json.loads(bodies[0])["caches"].values() for s in stats["bandwidth"])
    assert sim.served[0].newest_ms == newest


def test_bodies_are_kept_only_when_asked_for(http: requests.Session) -> None:
    with Simulator(World.build(cdns=1)) as sim:
        http.get(f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats", timeout=5)
        assert sim.wait_until(lambda: len(sim.served) == 1)

    assert sim.served[0].body is None
    assert sim.served[0].newest_ms > 0


@pytest.mark.parametrize(
    "fault", [Fault.truncated(), Fault.empty(), Fault.html(), Fault.status(), Fault.body(bytes.upper)]
)
def test_a_body_that_a_fault_changed_was_not_served(
    sim: Simulator, http: requests.Session, fault: Fault
) -> None:
    url = f"{sim.monitor_urls['cdn1'][0]}/publish/DsStats"
    sim.faults.set("cdn1-monitor-1", fault, times=1)
    http.get(url, timeout=5)
    http.get(url, timeout=5)
    assert sim.wait_until(lambda: len(sim.served) > 0)

    assert len(sim.requests) == 2
    assert len(sim.served) == 1


def test_errors_of_monitors_and_traffic_ops_are_not_served_feeds(
    sim: Simulator, http: requests.Session
) -> None:
    monitor = sim.monitor_urls["cdn1"][0]
    for url in (f"{monitor}/nope", f"{monitor}/publish/DsStats?foo=1", f"{sim.traffic_ops_url}/api/5.0/ping"):
        http.get(url, timeout=5)
    http.get(f"{monitor}/publish/DsStats", timeout=5)
    assert sim.wait_until(lambda: len(sim.served) > 0)

    assert [served.feed for served in sim.served] == ["DsStats"]


def test_waiting_in_vain_ends(sim: Simulator) -> None:
    assert not sim.wait_until(lambda: False, timeout_s=0.01)


def test_many_clients_at_once_all_get_whole_bodies(sim: Simulator) -> None:
    urls = [f"{url}/publish/{feed}" for of in sim.monitor_urls.values() for url in of for feed in FEEDS]

    def ask(number: int) -> int:
        with requests.Session() as http:
            http.trust_env = False
            answers = [http.get(urls[(number + step) % len(urls)], timeout=10) for step in range(4)]
            return sum(answer.status_code == 200 and bool(answer.json()) for answer in answers)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(32))) == [4] * 32
    assert sim.wait_until(lambda: len(sim.served) == 128)
    assert len(sim.requests) == 128


def test_leaving_gives_back_threads_and_ports(http: requests.Session) -> None:
    before = threading.active_count()
    with Simulator(World.build(cdns=2)) as sim:
        url = sim.traffic_ops_url
        http.get(f"{url}/api/5.0/ping", timeout=5)  # leaves a connection open

    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        http.get(f"{url}/api/5.0/ping", timeout=5)
    with pytest.raises(RuntimeError, match="inside its `with`"):
        sim.traffic_ops_url  # noqa: B018  # the error is what is asked for


def test_a_simulator_can_be_entered_again_and_keeps_its_record(http: requests.Session) -> None:
    sim = Simulator(World.build(cdns=1))
    for count in (1, 2):
        with sim:
            assert http.get(f"{sim.traffic_ops_url}/api/5.0/ping", timeout=5).ok
        assert len(sim.requests) == count


def test_the_monitors_take_the_ports_behind_traffic_ops() -> None:
    world = World.build(cdns=1, monitors=2)
    with ExitStack() as stack:
        sim = on_free_ports(lambda ports: stack.enter_context(Simulator(world, port=ports.start)))
        port = int(sim.traffic_ops_url.rpartition(":")[2])
        assert sim.monitor_urls == {"cdn1": [f"http://127.0.0.1:{port + 1}", f"http://127.0.0.1:{port + 2}"]}


@pytest.mark.parametrize("position", [0, 1])
def test_a_taken_port_is_named_and_the_others_are_given_back(position: int) -> None:
    world = World.build(cdns=1, monitors=1)
    port = reserve().start
    with socket.create_server(("127.0.0.1", port + position)):  # noqa: SIM117  # the server has to be first
        with (
            pytest.raises(TstatsError, match=rf"port {port + position} of 127.0.0.1"),
            Simulator(world, port=port),
        ):
            pass

    with Simulator(world, port=port):
        pass


def test_two_simulators_cannot_have_the_same_port() -> None:
    world = World.build(cdns=1, monitors=1)
    with Simulator(world) as first:
        port = int(first.traffic_ops_url.rpartition(":")[2])
        with pytest.raises(TstatsError, match=str(port)), Simulator(world, port=port):
            pass


@pytest.mark.parametrize("address", ["0.0.0.0", "10.1.2.3", "localhost", "::1", ""])  # noqa: S104  # refused
def test_only_loopback_is_served(address: str) -> None:
    with pytest.raises(TstatsError, match="loopback only"):
        Simulator(World.build(), address=address)


def test_ports_beyond_the_last_are_refused() -> None:
    with pytest.raises(TstatsError, match="65535"):
        Simulator(World.build(cdns=1, monitors=1), port=65_535)


def test_the_summaries_of_a_simulator_that_never_ran_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="never entered"):
        Simulator(World.build()).summaries  # noqa: B018  # the error is what is asked for
