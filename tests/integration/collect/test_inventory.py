"""The inventory of the collector: from Traffic Ops, or while that is down, from before or from disk."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tstats.collect.collector import Collector
from tstats.collect.metrics import CollectorMetrics
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.daemon.assembly import build_collector
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

WORLD = World.build(cdns=2, caches=4, delivery_services=2, monitors=2)


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD) as simulator:
        yield simulator


def edited(change: Callable[[list[dict[str, Any]]], object]) -> Fault:
    """Return a fault: the right answer with changed records."""

    def edit(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({"response": change(answer["response"])}).encode()

    return Fault.body(edit)


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Callable[[str], Collector]]:
    """Build a collector; building another one is a restart of the process."""
    made: list[Collector] = []

    def start(url: str) -> Collector:
        for old in made:
            old.close()
        made.clear()
        settings = Settings(
            to_url=url,
            to_user="admin",
            to_passwd=Secret("twelve12"),
            influx_urls=["http://127.0.0.1:9"],
            spool_directory=str(tmp_path / "spool"),
            to_request_timeout=2,
        )
        log: structlog.stdlib.BoundLogger = structlog.get_logger()
        made.append(build_collector(settings, metrics=CollectorMetrics(), log=log))
        return made[-1]

    yield start
    for collector in made:
        collector.close()


Collect = Callable[[str], Collector]
POLLS = 2 * len(WORLD.cdns)


def test_while_traffic_ops_is_down_the_last_inventory_stays_in_use(sim: Simulator, collect: Collect) -> None:
    collector = collect(sim.traffic_ops_url)
    assert collector.refresh_inventory()
    sim.faults.down(TRAFFIC_OPS)
    with capture_logs() as events:
        assert not collector.refresh_inventory()
    assert [event["event"] for event in events] == ["inventory_failed"]
    assert [poll.result() for poll in collector.start_polls()] == [True] * POLLS


def test_a_restart_while_traffic_ops_is_down_uses_the_inventory_on_disk(
    sim: Simulator, collect: Collect
) -> None:
    assert collect(sim.traffic_ops_url).refresh_inventory()
    sim.faults.down(TRAFFIC_OPS)
    with capture_logs() as events:
        restarted = collect(sim.traffic_ops_url)
        assert not restarted.refresh_inventory()
        assert not restarted.refresh_inventory()
    assert [event["event"] for event in events] == [
        "inventory_failed",
        "inventory_from_disk",
        "inventory",
        "inventory_failed",
    ]
    assert restarted.has_inventory
    assert [poll.result() for poll in restarted.start_polls()] == [True] * POLLS


def test_a_first_start_while_traffic_ops_is_down_waits_for_it(sim: Simulator, collect: Collect) -> None:
    collector = collect(sim.traffic_ops_url)
    sim.faults.down(TRAFFIC_OPS)
    assert not collector.refresh_inventory()
    assert not collector.has_inventory
    assert collector.start_polls() == []
    assert collector.problems() == ["there is no monitor to poll"]
    sim.faults.up(TRAFFIC_OPS)
    assert collector.refresh_inventory()
    assert len(collector.start_polls()) == POLLS


@pytest.mark.parametrize("fault", [Fault.html(), edited(lambda _records: [5]), Fault.status(503)])
def test_a_bad_answer_does_not_replace_a_good_inventory(
    sim: Simulator, collect: Collect, fault: Fault
) -> None:
    collector = collect(sim.traffic_ops_url)
    collector.refresh_inventory()
    sim.faults.set(TRAFFIC_OPS, fault, path="parameters")
    assert not collector.refresh_inventory()
    assert [poll.result() for poll in collector.start_polls()] == [True] * POLLS


def test_changes_in_traffic_ops_take_effect_with_the_next_refresh(sim: Simulator, collect: Collect) -> None:
    collector = collect(sim.traffic_ops_url)
    collector.refresh_inventory()
    only_cdn2 = edited(lambda records: [record for record in records if record["cdn"] == "cdn2"])
    sim.faults.set(TRAFFIC_OPS, only_cdn2, path="servers")
    assert collector.refresh_inventory()
    assert [poll.result() for poll in collector.start_polls()] == [True, True]
    assert {served.cdn for served in sim.served} == {"cdn2"}


def test_the_lack_of_a_monitor_with_the_wanted_status_is_logged(sim: Simulator, collect: Collect) -> None:
    none = edited(lambda records: [record | {"status": "OFFLINE"} for record in records])
    sim.faults.set(TRAFFIC_OPS, none, path="servers")
    with capture_logs() as events:
        assert collect(sim.traffic_ops_url).refresh_inventory()
    (logged,) = (event for event in events if event["event"] == "no_monitors")
    assert "no server of type RASCAL with status ONLINE" in logged["remedy"]
