"""kill -9 the collector again and again while InfluxDB goes down and up: no collected point is lost.

A poll counts as collected when the collector's log says so. The simulator keeps what it served: in the end,
every point of every collected poll must be in InfluxDB with its value, and no point that was never served.
"""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.collected import create_databases, expected, stored
from tests.support.collector import Collector
from tests.support.influxd import Influxd
from tests.support.waiting import wait_for
from tstats.influx.client import Endpoint, Influx
from tstats.simulator.exchange_log import ServedFeed
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

WORLD = World.build(cdns=2, caches=20, delivery_services=10, cachegroups=6, monitors=2, seed=7)
SEED = 20_261_121
DOWN = (False, True, True, False, True, False, True, False)  # InfluxDB, at each kill
FASTER = 30  # the simulated clock runs faster, so that each poll finds new samples


def simulated_clock() -> float:
    return BEGIN - 3600 + (time.time() - BEGIN) * FASTER


BEGIN = time.time()


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD, keep_bodies=True, clock=simulated_clock) as simulator:
        yield simulator


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influxd]:  # not shared, since it is killed
    with Influxd(tmp_path / "influxd") as server:
        yield server


@pytest.fixture
def collector(tmp_path: Path, sim: Simulator, influxd: Influxd) -> Iterator[Collector]:
    # Small batches: a poll writes many files, so that a kill can interrupt it halfway.
    collector = Collector(tmp_path / "collector", sim, influxUrls=[influxd.url], maxPublishSize=50)
    yield collector
    collector.kill()


def collected(sim: Simulator, collector: Collector) -> list[ServedFeed]:
    """Return the bodies of the polls that the collector logged as collected."""
    monitors = {
        url: monitor.name
        for cdn in WORLD.cdns
        for url, monitor in zip(sim.monitor_urls[cdn.name], cdn.monitors, strict=True)
    }
    by_key = {(served.cdn, served.feed, served.monitor, served.newest_ms): served for served in sim.served}
    return [
        by_key[event["cdn"], event["feed"], monitors[event["monitor"]], event["newest"]]
        for event in collector.events("collected")
    ]


def run_until_killed(collector: Collector, chance: random.Random) -> None:
    """Start it, and kill it at a random moment: during its start, or around a poll (at a whole second)."""
    before = len(collector.events("collected"))
    collector.start()
    if chance.random() < 0.2:
        delay = chance.uniform(0.2, 1.0)
    else:
        collector.wait_for("collected", count=before + chance.choice([1, 1, 3, 5]))
        delay = -time.time() % 1 + chance.uniform(0, 0.15) if chance.random() < 0.6 else chance.uniform(0, 1)
    with pytest.raises(subprocess.TimeoutExpired):  # it must not end on its own
        collector.process.wait(timeout=delay)
    collector.kill()


def test_no_collected_point_is_lost(sim: Simulator, influxd: Influxd, collector: Collector) -> None:
    chance = random.Random(SEED)
    influx = Influx(Endpoint(url=influxd.url))
    create_databases(influx)
    waited = []
    up = True
    for down in DOWN:
        if down and up:
            influxd.kill()
        elif not down and not up:
            influxd.start()
        up = not down
        run_until_killed(collector, chance)
        waited.append(collector.waiting())
    collector.start()
    before = len(collector.events("collected"))
    collector.wait_for("collected", count=before + 4)
    wait_for(lambda: collector.events("published")[-1]["waiting_batches"] == 0, "the spool to be empty")
    assert collector.stop() == 0

    polls = collected(sim, collector)
    points = stored(influx)
    influx.close()
    must = expected(WORLD, polls)
    lost = {key: value for key, value in must.items() if points.get(key) != value}
    assert not lost, f"{len(lost)} of {len(must)} points lost or wrong, such as {next(iter(lost.items()))}"
    assert points.items() <= expected(WORLD, sim.served).items(), "points that were never served"
    assert collector.waiting() == 0
    # The test must have exercised what it is about.
    assert len(polls) > 2 * len(DOWN)
    assert len({poll.newest_ms for poll in polls}) > len(DOWN)
    assert sum(waiting > 0 for waiting in waited) >= DOWN.count(True)
    assert not collector.events("dropped")
    assert not collector.events("rejected")
