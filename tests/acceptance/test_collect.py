"""`tstats collect` as an operator runs it: the installed command, a real InfluxDB, a simulated CDN."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.support.collected import create_databases, expected, stored
from tests.support.collector import Collector
from tests.support.influxd import Influxd
from tests.support.ports import NOBODY
from tests.support.waiting import wait_for
from tstats.influx.client import Endpoint, Influx
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

WORLD = World.build(cdns=2, caches=4, delivery_services=2, monitors=1)
MONITORS = {"cdn1": "cdn1-monitor-1", "cdn2": "cdn2-monitor-1"}
POLLS = 4  # two CDNs, two feeds
LONG_S = 60.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD, keep_bodies=True) as simulator:
        yield simulator


@pytest.fixture
def databases(influx: Influx) -> Influx:
    """An InfluxDB with the collector's databases, which are empty."""
    create_databases(influx)
    return influx


@pytest.fixture
def collector_of(tmp_path: Path, sim: Simulator) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []

    def make(*urls: str, **settings: object) -> Collector:
        made.append(Collector(tmp_path / "collector", sim, influxUrls=list(urls), **settings))
        return made[-1]

    yield make
    for collector in made:
        collector.kill()


CollectorOf = Callable[..., Collector]


# --- once


def test_once_writes_every_served_point_to_influxdb(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(databases.url, maxPublishSize=7)
    ended = collector.run("--once")
    assert ended.returncode == 0, ended.stderr
    assert len(sim.served) == POLLS
    assert stored(databases) == expected(WORLD, sim.served)
    assert collector.waiting() == 0
    assert sim.password not in ended.stderr + ended.stdout


def test_once_with_a_cdn_down_fails_and_keeps_the_rest(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    sim.faults.down(MONITORS["cdn1"])
    ended = collector_of(databases.url).run("--once")
    assert ended.returncode == 1
    assert "event=poll_failed" in ended.stderr
    assert {served.cdn for served in sim.served} == {"cdn2"}
    assert stored(databases) == expected(WORLD, sim.served)


def test_once_with_traffic_ops_down_fails_and_polls_with_the_saved_inventory(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(databases.url)
    assert collector.run("--once").returncode == 0
    sim.faults.down(TRAFFIC_OPS)
    ended = collector.run("--once")
    assert ended.returncode == 1
    assert "event=inventory_from_disk" in ended.stderr
    assert len(sim.served) == 2 * POLLS


def test_once_with_influxdb_down_fails_and_the_next_run_delivers_the_points(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(NOBODY)
    ended = collector.run("--once")
    assert ended.returncode == 1
    assert "event=left_in_spool" in ended.stderr
    assert collector.waiting() == POLLS
    sim.faults.down()  # the next run has nothing but what is in the spool
    collector.configure(influxUrls=[databases.url])
    assert collector.run("--once").returncode == 1
    assert stored(databases) == expected(WORLD, sim.served)
    assert collector.waiting() == 0


def test_once_with_a_refused_batch_fails_and_sets_it_aside(
    databases: Influx, collector_of: CollectorOf
) -> None:
    databases.write(b"kbps value=1i", database="deliveryservice_stats")
    collector = collector_of(databases.url)
    ended = collector.run("--once")
    assert ended.returncode == 1
    assert "field type conflict" in ended.stderr
    assert list(collector.spool.glob("rejected/*.lines"))


def test_once_without_the_databases_fails_and_says_what_to_run(
    influx: Influx, collector_of: CollectorOf
) -> None:
    ended = collector_of(influx.url).run("--once")
    assert ended.returncode == 1
    assert "run create_ts_databases" in ended.stderr


def test_the_environment_overrides_the_file(
    databases: Influx, collector_of: CollectorOf, sim: Simulator
) -> None:
    collector = collector_of(NOBODY, toPasswd="wrong")
    ended = collector.run(
        "--once", environment={"TSTATS_INFLUX_URLS": databases.url, "TSTATS_TO_PASSWD": sim.password}
    )
    assert ended.returncode == 0, ended.stderr


def test_a_json_log_has_one_object_per_line(databases: Influx, collector_of: CollectorOf) -> None:
    ended = collector_of(databases.url).run("--once", "--log-format", "json")
    events = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [event["event"] for event in events].count("collected") == POLLS
    assert all({"time", "level", "event"} <= event.keys() for event in events)


# --- failures to start

BAD_SETTINGS: list[tuple[dict[str, object], int, str]] = [
    ({"pollingIntervall": 1}, 2, "unknown key 'pollingIntervall' (did you mean 'pollingInterval'?)"),
    ({"influxUrls": ["udp://localhost"]}, 2, "no URL of a UDP listener: 'udp://localhost'"),
    ({"logs": {"error": "/nonexistent/log"}}, 2, "logs: /nonexistent/log cannot be opened"),
    ({"spoolDirectory": "/dev/null/spool"}, 1, "spool: /dev/null/spool cannot be used: Not a directory"),
]


@pytest.mark.parametrize(
    ("settings", "status", "words"), BAD_SETTINGS, ids=[words[:40] for *_, words in BAD_SETTINGS]
)
def test_an_invalid_configuration_is_reported_in_one_line(
    collector_of: CollectorOf, settings: dict[str, object], status: int, words: str
) -> None:
    collector = collector_of(NOBODY)
    collector.configure(**settings)
    ended = collector.run("--once")
    assert (ended.returncode, ended.stdout) == (status, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("tstats: error: ")
    assert words in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{\n  bad", "line 2 column 3: Expecting property name"),
    ],
)
def test_an_unusable_file_is_reported_in_one_line(
    collector_of: CollectorOf, content: str | None, words: str
) -> None:
    collector = collector_of(NOBODY)
    collector.file.unlink()
    if content is not None:
        collector.file.write_text(content)
    ended = collector.run()
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert f"{collector.file}: {words}" in line


def test_an_invalid_option_is_reported_in_one_line(collector_of: CollectorOf) -> None:
    ended = collector_of(NOBODY).run("--log-format", "xml")
    assert ended.returncode == 2
    refusal = "Invalid value for '--log-format': 'xml' is not one of 'text', 'json'"
    assert ended.stderr.startswith(f"tstats: error: {refusal}")


def test_a_metrics_port_in_use_is_reported_in_one_line(collector_of: CollectorOf) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = collector_of(NOBODY, metricsBind=f"127.0.0.1:{port}").run()
    assert ended.returncode == 2
    assert f"metricsBind: cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_collector_on_the_same_spool_is_refused(collector_of: CollectorOf) -> None:
    collector = collector_of(NOBODY)
    collector.start()
    collector.wait_for("started")
    ended = collector.run("--once")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"spool: {collector.spool} is in use by another tstats collect" in line


# --- the daemon


def test_it_polls_once_per_interval_and_delivers(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(databases.url)
    collector.start()
    collector.wait_for("collected", count=3 * POLLS)
    assert collector.stop() == 0
    assert stored(databases) == expected(WORLD, sim.served)
    assert collector.events("stopped")
    # The SQL database of the summaries was not created: the log says so, and what to run.
    assert {event["event"] for event in collector.events() if event["level"] != "info"} == {"database"}
    for served in sim.served:
        assert served.served_at % 1 < 0.9, "polls are aligned to the interval"


def test_sigterm_delivers_the_waiting_points_and_exits_with_0(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(databases.url, publishingInterval=1000)
    collector.start()
    collector.wait_for("collected", count=POLLS)
    assert stored(databases) == {}
    assert collector.stop() == 0
    assert stored(databases) == expected(WORLD, sim.served)


def test_sigint_does_the_same(sim: Simulator, databases: Influx, collector_of: CollectorOf) -> None:
    collector = collector_of(databases.url)
    collector.start()
    collector.wait_for("collected", count=POLLS)
    collector.signal(signal.SIGINT)
    assert collector.process.wait(timeout=40) == 0
    assert stored(databases) == expected(WORLD, sim.served)


def test_a_stop_with_influxdb_down_keeps_the_points_and_exits_with_0(collector_of: CollectorOf) -> None:
    collector = collector_of(NOBODY)
    collector.start()
    collector.wait_for("collected", count=POLLS)
    assert collector.stop() == 0
    assert collector.waiting() >= POLLS
    assert collector.events("left_in_spool")


def test_a_second_signal_ends_the_process_at_once(sim: Simulator, collector_of: CollectorOf) -> None:
    sim.faults.set(TRAFFIC_OPS, Fault.slow(LONG_S))
    collector = collector_of(NOBODY, toRequestTimeout=100)
    collector.start()
    collector.wait_for("started")
    collector.signal(signal.SIGTERM)
    collector.wait_for("stopping")
    collector.signal(signal.SIGTERM)
    assert collector.process.wait(timeout=5) == 128 + signal.SIGTERM


def test_sighup_reads_the_changed_file(
    sim: Simulator, databases: Influx, collector_of: CollectorOf, tmp_path: Path
) -> None:
    collector = collector_of(NOBODY)
    collector.start()
    collector.wait_for("collected", count=POLLS)
    log = tmp_path / "new.log"
    collector.configure(influxUrls=[databases.url], logs={"info": str(log), "error": "stderr"})
    collector.signal(signal.SIGHUP)
    wait_for(lambda: log.exists() and '"reloaded"' in log.read_text(), "the reload, in the new log")
    wait_for(
        lambda: log.read_text().count('"collected"') >= POLLS,
        "polls after the reload, logged as JSON as before",
    )
    assert collector.stop() == 0
    assert stored(databases) == expected(WORLD, sim.served), (
        "what waited for the old server goes to the new one"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{\n "toUrl" 5}', "line 2 column 10"),
        ('{"toUrl": "https://x", "influxUrls": ["x"]}', "invalid URL of an InfluxDB"),
    ],
)
def test_sighup_with_an_invalid_file_keeps_the_old_configuration(
    databases: Influx, collector_of: CollectorOf, content: str, words: str
) -> None:
    collector = collector_of(databases.url)
    collector.start()
    before = len(collector.wait_for("collected", count=POLLS))
    collector.file.write_text(content)
    collector.signal(signal.SIGHUP)
    (refused,) = collector.wait_for("reload_refused")
    assert words in refused["error"]
    collector.wait_for("collected", count=before + POLLS)
    assert collector.stop() == 0


def test_a_slow_monitor_delays_no_other_cdn_and_is_not_asked_twice_at_once(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    sim.faults.set(MONITORS["cdn1"], Fault.slow(LONG_S))
    collector = collector_of(databases.url)
    collector.start()
    collector.wait_for("collected", count=6, cdn="cdn2")
    collector.wait_for("poll_failed", count=4, cdn="cdn1")
    assert collector.stop() == 0
    assert not collector.events("collected", cdn="cdn1")
    for feed in ("CacheStats", "DsStats"):
        slow, other = (seconds_of_polls(sim, cdn, feed) for cdn in MONITORS)
        assert len(slow) == len(set(slow)), "one poll at a time"
        assert other == list(range(other[0], other[0] + len(other))), "one poll per second"


def seconds_of_polls(sim: Simulator, cdn: str, feed: str) -> list[int]:
    """Return the seconds in which the monitor of a CDN was asked for a feed."""
    return [
        int(request.time)
        for request in sim.requests
        if request.server == MONITORS[cdn] and feed in request.path
    ]


def test_a_dripping_monitor_is_given_up_within_the_interval(
    sim: Simulator, collector_of: CollectorOf
) -> None:
    sim.faults.set(
        MONITORS["cdn1"], Fault.drip(10)
    )  # in 20 pieces: no single piece takes long enough to time out
    collector = collector_of(NOBODY)
    collector.start()
    failed = collector.wait_for("monitor_failed", count=2, cdn="cdn1", feed="DsStats")
    assert all("did not answer in full within" in event["error"] for event in failed)
    first, second = seconds_of_polls(sim, "cdn1", "DsStats")[:2]
    assert second - first <= 2  # 1, or 2 on a machine so busy that a poll ended when the next was due


def test_metrics_and_health_are_served_when_configured(databases: Influx, collector_of: CollectorOf) -> None:
    collector = collector_of(databases.url, metricsBind="127.0.0.1:0")
    collector.start()
    (started,) = collector.wait_for("metrics")
    base = started["url"].removesuffix("/metrics")
    collector.wait_for("published")

    def get(path: str) -> requests.Response:
        return requests.get(f"{base}{path}", timeout=5)

    wait_for(lambda: get("/healthz").status_code == 200, "health")
    text = get("/metrics").text
    for name in (
        "tstats_polls_total",
        "tstats_published_points_total",
        "tstats_spool_bytes",
        "tstats_inventory_age",
    ):
        assert f"\n{name}" in text
    assert 'tstats_last_good_poll_age_seconds{cdn="cdn2",feed="DsStats"}' in text


def test_systemd_is_notified_of_start_reload_and_stop(
    tmp_path: Path, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(databases.url)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        collector.start(environment={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"})

        def until(state: str) -> set[str]:
            seen: set[str] = set()
            while state not in seen:
                seen.add(manager.recv(1000).decode().partition("\n")[0])
            return seen

        assert until("READY=1") == {"READY=1"}
        until("WATCHDOG=1")
        collector.signal(signal.SIGHUP)
        until("RELOADING=1")
        until("READY=1")
        collector.signal(signal.SIGTERM)
        until("STOPPING=1")
        assert collector.process.wait(timeout=40) == 0


# --- outages of InfluxDB


def test_after_an_outage_everything_is_delivered(
    sim: Simulator, tmp_path: Path, collector_of: CollectorOf
) -> None:
    with Influxd(tmp_path / "influxd") as server:
        influx = Influx(Endpoint(url=server.url))
        create_databases(influx)
        collector = collector_of(server.url)
        collector.start()
        collector.wait_for("published")
        server.kill()
        collector.wait_for("unreachable")
        collector.wait_for("collected", count=len(collector.events("collected")) + POLLS)
        server.start()
        wait_for(
            lambda: collector.events("published", waiting_batches=0)[1:],
            "the delivery of the waiting batches",
        )
        assert collector.stop() == 0
        assert stored(influx) == expected(WORLD, sim.served)
        influx.close()


def test_in_mode_all_a_server_that_was_down_catches_up_on_its_own(
    sim: Simulator, databases: Influx, tmp_path: Path, collector_of: CollectorOf
) -> None:
    with Influxd(tmp_path / "second") as second:
        influx = Influx(Endpoint(url=second.url))
        create_databases(influx)
        second.kill()
        collector = collector_of(databases.url, second.url, influxWriteMode="all")
        collector.start()
        collector.wait_for("published", target=databases.url)
        collector.wait_for("unreachable", target=second.url)
        assert not collector.events("published", target=second.url)
        second.start()
        collector.wait_for("published", target=second.url)
        assert collector.stop() == 0
        assert stored(databases) == stored(influx) == expected(WORLD, sim.served)
        assert collector.waiting() == 0
        influx.close()


def test_in_mode_any_another_server_takes_over(
    sim: Simulator, databases: Influx, collector_of: CollectorOf
) -> None:
    collector = collector_of(NOBODY, databases.url)
    ended = collector.run("--once")
    assert ended.returncode == 0, ended.stderr
    assert stored(databases) == expected(WORLD, sim.served)


def test_the_log_warns_about_udp_once(collector_of: CollectorOf) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        collector = collector_of(f"udp://127.0.0.1:{listener.getsockname()[1]}")
        collector.start()
        collector.wait_for("published")
        assert collector.stop() == 0
        assert len(collector.events("udp")) == 1
        assert b" value=" in listener.recv(10_000)
