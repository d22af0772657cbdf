"""The collector's polls run side by side, never twice at once; failures are logged and contained."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.clock import Clock
from tests.support.ports import NOBODY
from tstats.catalog import CACHE_STATS, DELIVERYSERVICE_STATS
from tstats.collect.collector import Collector
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.poll import FeedSource, Poller
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.core.time import SECOND
from tstats.daemon.assembly import build_collector
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

WORLD = World.build(cdns=2, caches=4, delivery_services=2, monitors=1)
POLLS = 4  # two CDNs, two feeds


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD) as simulator:
        yield simulator


@dataclass
class Subject:
    """A collector that has its inventory, with its metrics and their clock."""

    collector: Collector
    metrics: CollectorMetrics
    clock: Clock[int]

    def polls(self, cdn: str, feed: str, outcome: str) -> float:
        labels = {"cdn": cdn, "feed": feed, "outcome": outcome}
        return self.metrics.registry.get_sample_value("tstats_polls_total", labels) or 0.0

    def results(self) -> list[bool]:
        return [poll.result() for poll in self.collector.start_polls()]


@pytest.fixture
def collect(sim: Simulator, tmp_path: Path) -> Iterator[Callable[..., Subject]]:
    made: list[Collector] = []

    def make(*, influx_urls: Sequence[str] = (NOBODY,), **changes: int) -> Subject:
        settings = Settings(
            to_url=sim.traffic_ops_url,
            to_user=sim.user,
            to_passwd=Secret(sim.password),
            influx_urls=list(influx_urls),
            spool_directory=str(tmp_path / "spool"),
            **changes,  # type: ignore[arg-type] # the keys that hold whole numbers
        )
        clock = Clock(0)
        metrics = CollectorMetrics(clock)
        log: structlog.stdlib.BoundLogger = structlog.get_logger()
        made.append(build_collector(settings, metrics=metrics, log=log))
        assert made[-1].refresh_inventory()
        return Subject(made[-1], metrics, clock)

    yield make
    sim.faults.clear()
    for collector in made:
        collector.close()


Collect = Callable[..., Subject]


def test_a_feed_whose_poll_still_runs_is_skipped_and_counted(sim: Simulator, collect: Collect) -> None:
    subject = collect()
    sim.faults.set("cdn1-monitor-1", Fault.slow(60))
    first = subject.collector.start_polls()
    assert len(first) == POLLS
    for poll in first[2:]:  # the polls of cdn2 do not wait for cdn1
        assert poll.result(timeout=5)
    with capture_logs() as events:
        assert len(subject.collector.start_polls()) == POLLS - 2
    assert [event["cdn"] for event in events if event["event"] == "poll_skipped"] == ["cdn1", "cdn1"]
    assert subject.polls("cdn1", "CacheStats", "skipped") == 1
    sim.faults.clear()
    assert [poll.result() for poll in first] == [True] * POLLS
    subject.collector.finish_polls()
    asked = [request.path for request in sim.requests if request.server == "cdn1-monitor-1"]
    assert len(asked) == 2


def test_a_new_inventory_does_not_start_a_poll_that_still_runs_a_second_time(
    sim: Simulator, collect: Collect
) -> None:
    subject = collect()
    sim.faults.set("cdn1-monitor-1", Fault.slow(60))
    first = subject.collector.start_polls()
    renamed = Fault.body(lambda body: body.replace(b"cdn2-edge-001", b"cdn2-edge-999"))
    sim.faults.set(TRAFFIC_OPS, renamed, path="servers")
    assert subject.collector.refresh_inventory()
    assert len(subject.collector.start_polls()) < POLLS
    sim.faults.clear()
    assert all(poll.result() for poll in first)


def full(_handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_poll_whose_points_cannot_be_spooled_has_failed(
    sim: Simulator, collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = collect()
    with monkeypatch.context() as disk, capture_logs() as events:
        disk.setattr(os, "fsync", full)
        assert subject.results() == [False] * POLLS
    assert sim.served
    assert {event["event"] for event in events} == {"spool_failed", "lost", "sent_without_spool"}
    failed = next(event for event in events if event["event"] == "spool_failed")
    assert "free space on that disk" in failed["error"]
    assert subject.polls("cdn1", "DsStats", "failed") == 1
    assert subject.polls("cdn1", "DsStats", "collected") == 0
    assert subject.results() == [True] * POLLS


def test_when_the_disk_is_full_the_points_go_straight_to_influxdb(
    collect: Collect, influx: Influx, monkeypatch: pytest.MonkeyPatch
) -> None:
    for database in (CACHE_STATS, DELIVERYSERVICE_STATS):
        influx.query(create_database(database))
    subject = collect(influx_urls=[influx.url])
    with monkeypatch.context() as disk, capture_logs() as events:
        disk.setattr(os, "fsync", full)
        assert subject.results() == [False] * POLLS
    sent = [event["points"] for event in events if event["event"] == "sent_without_spool"]
    assert sent == [event["of"] for event in events if event["event"] == "sent_without_spool"]
    held = sum(
        series.values[0][1]
        for database in (CACHE_STATS, DELIVERYSERVICE_STATS)
        for series in influx.query("SELECT count(value) FROM /.*/", database=database)
    )
    assert held == sum(sent) > 0
    assert subject.collector.spool.bytes == 0


def test_bad_samples_are_logged_with_the_monitor_and_the_stat_and_the_rest_is_kept(
    sim: Simulator, collect: Collect
) -> None:
    subject = collect()

    def spoil(body: bytes) -> bytes:
        return body.replace(b'"maxKbps":[{"value":"', b'"maxKbps":[{"value":"NaN', 1)

    sim.faults.set("cdn1-monitor-1", Fault.body(spoil), path="CacheStats")
    with capture_logs() as events:
        assert subject.results() == [True] * POLLS
    (logged,) = (event for event in events if event["event"] == "bad_samples")
    assert (logged["cdn"], logged["feed"], logged["counts"]) == ("cdn1", "CacheStats", {"value": 1})
    assert logged["monitor"] == sim.monitor_urls["cdn1"][0]
    assert "'maxKbps'" in logged["examples"][0]
    labels = {"cdn": "cdn1", "feed": "CacheStats", "reason": "value"}
    assert subject.metrics.registry.get_sample_value("tstats_bad_samples_total", labels) == 1
    collected = next(event for event in events if event.get("feed") == "CacheStats" and "points" in event)
    assert collected["points"] > 0


def test_caches_that_traffic_ops_does_not_know_are_logged(sim: Simulator, collect: Collect) -> None:
    renamed = Fault.body(lambda body: body.replace(b'"cdn1-edge-001"', b'"cdn1-edge-999"'))
    sim.faults.set("cdn1-monitor-1", renamed, path="CacheStats")
    with capture_logs() as events:
        collect().results()
    (logged,) = (event for event in events if event["event"] == "unknown_caches")
    assert (logged["cdn"], logged["count"], logged["examples"]) == ("cdn1", 1, ["cdn1-edge-999"])


def test_a_crash_of_one_poll_is_logged_and_ends_no_other(
    collect: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = collect()
    poll = Poller.poll

    def crash_for_cdn1(self: Poller, source: FeedSource, *, seconds: float) -> bool:
        if source.key == ("cdn1", "CacheStats"):
            raise ZeroDivisionError
        return poll(self, source, seconds=seconds)

    monkeypatch.setattr(Poller, "poll", crash_for_cdn1)
    with capture_logs() as events:
        assert sorted(subject.results()) == [False, True, True, True]
    assert [event["event"] for event in events if event["log_level"] == "error"] == ["poll_crashed"]
    assert subject.polls("cdn1", "CacheStats", "failed") == 1


def test_evictions_are_logged_and_counted(collect: Collect) -> None:
    subject = collect(spool_max_bytes=3000)
    with capture_logs() as events:
        for _ in range(4):
            assert subject.results() == [True] * POLLS
    logged = [event for event in events if event["event"] == "dropped"]
    assert logged
    assert logged[0]["remedy"] == "bring InfluxDB back, or raise spoolMaxBytes"
    labels = {"target": "all", "reason": "spool_full"}
    count = subject.metrics.registry.get_sample_value("tstats_dropped_batches_total", labels)
    assert count == sum(event["batches"] for event in logged)
    assert subject.collector.spool.bytes <= 3000


def test_health_names_each_feed_without_a_recent_poll(sim: Simulator, collect: Collect) -> None:
    subject = collect(polling_interval=10)
    assert len(subject.collector.problems()) == POLLS
    assert "cdn1 CacheStats: no good poll yet" in subject.collector.problems()
    subject.results()
    assert subject.collector.problems() == []
    sim.faults.down("cdn1-monitor-1")
    subject.clock.now += 31 * SECOND
    subject.results()
    assert subject.collector.problems() == [
        "cdn1 CacheStats: last good poll 31 s ago",
        "cdn1 DsStats: last good poll 31 s ago",
    ]


def test_health_names_a_target_whose_batches_wait_too_long(collect: Collect) -> None:
    subject = collect(publishing_interval=30)
    subject.results()
    assert subject.collector.problems() == []
    for path in Path(subject.collector.spool.directory).glob("queue/*/*.batch"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 100))
    (problem,) = subject.collector.problems()
    assert problem.startswith("any: a batch has been waiting for 10")
