"""A sync between servers, and over lines, that fail: equal in the end, or an error that says why."""

import itertools
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.influxd import Influxd
from tests.support.points import Point, as_export, export, write_whole
from tests.support.proxy import Fault, Plan, Proxy
from tests.support.syncing import NoProgress
from tests.support.waiting import wait_for
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.core.windows import ALL_TIME
from tstats.influx.client import Endpoint, Influx
from tstats.sync.options import SyncOptions
from tstats.sync.report import SyncReport
from tstats.sync.run import CONNECTIONS, sync
from tstats.transport.retry import RetryPolicy

DATABASE = "cache_stats"
POLICY = "monthly"
T = 20_000 * DAY
PATIENT = RetryPolicy(retries=9, first_wait=0.05, longest_wait=0.5)
WAIT = 30.0


def minutes(hosts: int, number: int, *, measurement: str = "bandwidth.1min") -> list[Point]:
    return [
        Point(
            measurement=measurement,
            tags=(("cachegroup", f"cg{host % 3}"), ("hostname", f"edge-{host:03d}")),
            time=T + minute * MINUTE,
            fields=(("value", float(host * 10_000 + minute)),),
        )
        for host in range(hosts)
        for minute in range(number)
    ]


def create(influx: Influx) -> None:
    influx.query(
        f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME {POLICY}"
    )


def filled(influx: Influx, points: list[Point]) -> None:
    create(influx)
    write_whole(influx, points, database=DATABASE, policy=POLICY)


@contextmanager
def connected(url: str, *, retry: RetryPolicy = PATIENT, timeout: float = 10.0) -> Iterator[Influx]:
    influx = Influx(Endpoint(url=url, timeout=timeout), retry=retry, connections=2 * CONNECTIONS)
    yield influx
    influx.close()


def run(source: Influx, target: Influx, **asked: Any) -> SyncReport:  # noqa: ANN401 (what SyncOptions takes)
    options = SyncOptions(databases=(DATABASE,), now=time.time_ns(), window=ALL_TIME, **asked)
    return sync(options, source, target, schema=True, progress=NoProgress())


def assert_done(report: SyncReport) -> None:
    assert (report.error, [one.error for one in report.measurements if one.error]) == (None, [])
    assert report.in_sync
    assert report.verified


def every(number: int, *faults: Fault) -> Plan:
    """Each `number`th request meets the next of the faults."""
    requests, following, lock = itertools.count(1), itertools.cycle(faults), threading.Lock()

    def plan(path: str, body: bytes) -> Fault | None:
        del path, body
        with lock:
            return next(following) if next(requests) % number == 0 else None

    return plan


@pytest.mark.parametrize("exact", [False, True])
def test_a_line_that_fails_at_every_fourth_request(influx: Influx, other_influx: Influx, exact: bool) -> None:  # noqa: FBT001 (pytest)
    whole = [*minutes(60, 300), *minutes(3, 100, measurement="other")]
    filled(influx, whole)
    filled(other_influx, random.Random(2).sample(whole, len(whole) // 2))
    faults: tuple[Fault, ...] = ("reset", "cut", "unavailable", "short", "slow", "cut", "short")
    with (
        Proxy(influx.url, every(4, *faults)) as before_source,
        Proxy(other_influx.url, every(5, *faults)) as before_target,
        connected(before_source.url) as source,
        connected(before_target.url) as target,
    ):
        assert_done(run(source, target, exact=exact))
        assert {"reset", "cut", "unavailable", "short"} <= {*before_source.faults, *before_target.faults}
    assert export(other_influx, DATABASE, POLICY) == as_export(whole)


@pytest.mark.parametrize("fault", ["cut", "short"])
def test_an_answer_that_is_always_cut_off_is_never_taken_for_whole(
    influx: Influx, other_influx: Influx, fault: Fault
) -> None:
    filled(influx, [*minutes(30, 30)])
    create(other_influx)

    def plan(path: str, body: bytes) -> Fault | None:
        del path
        return fault if b"SELECT" in body else None

    with (
        Proxy(influx.url, plan) as proxy,
        connected(proxy.url, retry=RetryPolicy(retries=2, first_wait=0.01)) as source,
    ):
        report = run(source, other_influx)
    assert report.failed
    assert not report.in_sync
    errors = [one.error for one in report.measurements]
    assert all(
        proxy.url in str(error) and re.search("before its end|broke off", str(error)) for error in errors
    )


def test_a_target_that_takes_nothing_is_told_by_name(influx: Influx, other_influx: Influx) -> None:
    filled(influx, minutes(3, 3))
    create(other_influx)

    def plan(path: str, body: bytes) -> Fault | None:
        return "unavailable" if path.startswith("/write") and body else None

    with (
        Proxy(other_influx.url, plan) as proxy,
        connected(proxy.url, retry=RetryPolicy(retries=1, first_wait=0.01)) as target,
    ):
        report = run(influx, target)
    assert report.failed
    assert [(one.measurement, "try later" in str(one.error)) for one in report.measurements] == [
        ("bandwidth.1min", True)
    ]


def test_windows_that_are_too_slow_are_cut_until_they_are_not(influx: Influx, other_influx: Influx) -> None:
    whole = minutes(3, 600)
    filled(influx, whole)
    create(other_influx)

    def plan(path: str, body: bytes) -> Fault | None:
        del path
        bounds = [int(bound) for bound in re.findall(rb"time\+%(?:3E%3D|3C)\+(\d+)", body)]
        return "slow" if len(bounds) == 2 and bounds[1] - bounds[0] > 6 * HOUR else None

    with (
        Proxy(influx.url, plan, delay=1.2) as proxy,
        connected(proxy.url, timeout=0.8, retry=RetryPolicy(retries=1, first_wait=0.01)) as source,
    ):
        assert_done(run(source, other_influx))
        assert proxy.faults
    assert export(other_influx, DATABASE, POLICY) == as_export(whole)


@pytest.mark.parametrize("damaged", [1, 2], ids=["one hour of two", "both hours"])
def test_where_series_cannot_be_counted_in_time_hours_are_read_whole(
    influx: Influx, other_influx: Influx, damaged: int
) -> None:
    whole = minutes(100, 120)
    filled(influx, whole)
    until = T + damaged * HOUR
    filled(other_influx, [point for place, point in enumerate(whole) if place % 31 or point.time >= until])

    def plan(path: str, body: bytes) -> Fault | None:
        del path
        return "slow" if b"GROUP+BY+time%281h%29%2C+hostname" in body else None

    with (
        Proxy(influx.url, plan, delay=1.2) as proxy,
        connected(proxy.url, timeout=0.8, retry=RetryPolicy(retries=1, first_wait=0.01)) as source,
    ):
        report = run(source, other_influx)
        assert_done(report)
        assert proxy.faults
    assert export(other_influx, DATABASE, POLICY) == as_export(whole)
    assert report.totals().points_read == len(whole) * damaged - report.totals().points_missing


@pytest.mark.parametrize(
    "limits",
    [
        {"INFLUXDB_COORDINATOR_MAX_SELECT_POINT": "700"},
        {"INFLUXDB_COORDINATOR_MAX_SELECT_SERIES": "7"},
        {"INFLUXDB_COORDINATOR_MAX_SELECT_BUCKETS": "3"},
        {"INFLUXDB_HTTP_MAX_BODY_SIZE": "3000"},
    ],
    ids=["points", "series", "buckets", "body"],
)
def test_limits_of_the_servers_lead_to_smaller_requests(
    influx: Influx, tmp_path: Path, limits: dict[str, str]
) -> None:
    """The limited server is the target, which is read and written, and then the source."""
    whole = minutes(40, 180)
    filled(influx, whole)
    with Influxd(tmp_path / "influxd", settings=limits) as server, connected(server.url) as limited:
        assert_done(run(influx, limited))
        limited.query(
            f'DELETE FROM "bandwidth.1min" WHERE time >= {T + 30 * MINUTE} AND time < {T + 150 * MINUTE}',
            database=DATABASE,
        )
        assert_done(run(influx, limited, exact_below=0))
        influx.query(f"DROP DATABASE {DATABASE}")
        assert_done(run(limited, influx))
    assert export(influx, DATABASE, POLICY) == as_export(whole)


def test_one_side_that_restarts_in_the_middle_is_survived(influx: Influx, tmp_path: Path) -> None:
    whole = minutes(30, 3000)
    filled(influx, whole)
    with Influxd(tmp_path / "influxd") as server, connected(server.url) as target:
        restarted = after_first_points(server.url, lambda: restart(server))
        report = run(influx, target, rate=45_000)
        restarted.join()
        assert_done(report)
        assert run(influx, target).totals().points_written == 0
        assert export(target, DATABASE, POLICY) == as_export(whole)


def test_a_source_that_restarts_in_the_middle_is_survived(other_influx: Influx, tmp_path: Path) -> None:
    whole = minutes(30, 3000)
    with Influxd(tmp_path / "influxd") as server, connected(server.url) as source:
        filled(source, whole)
        restarted = after_first_points(other_influx.url, lambda: restart(server))
        report = run(source, other_influx, rate=45_000)
        restarted.join()
        assert_done(report)
    assert export(other_influx, DATABASE, POLICY) == as_export(whole)


def test_a_tool_that_is_killed_goes_on_where_it_was(influx: Influx, other_influx: Influx) -> None:
    whole = minutes(40, 5 * 1440)[::7]
    filled(influx, whole)
    arguments = ["--source-url", influx.url, "--target-url", other_influx.url, "--settle", "0s"]
    command = [sys.executable, "-c", "from influxdb_tools.sync_ts_databases import main; main()", *arguments]
    for _ in range(2):
        with subprocess.Popen(
            [*command, "--max-points-per-second", "15000"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            wait_for_more_points(other_influx.url)
            os.kill(process.pid, signal.SIGKILL)
        there = export(other_influx, DATABASE, POLICY)
        assert there.items() < as_export(whole).items()
        days = {(moment - T) // DAY for _, _, moment in there}
        complete = sorted(days)[:-3]
        expected = [point for point in whole if (point.time - T) // DAY in complete]
        assert all(point.key in there for point in expected)  # no hole behind the windows under way
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert export(other_influx, DATABASE, POLICY) == as_export(whole)


def restart(server: Influxd) -> None:
    """As after a crash."""
    server.kill()
    server.start()


def number_of_points(url: str) -> int:
    try:
        with connected(url, retry=RetryPolicy(retries=0)) as influx:
            series = influx.query(f'SELECT count(value) FROM {POLICY}."bandwidth.1min"', database=DATABASE)
    except Exception:  # noqa: BLE001 (the database or the server is not there yet)
        return 0
    return int(series[0].values[0][1]) if series else 0


def wait_for_more_points(url: str) -> None:
    """Wait until points arrive that were not there before."""
    before = number_of_points(url)
    wait_for(lambda: number_of_points(url) > before, "points to arrive", seconds=WAIT)


def after_first_points(url: str, action: Callable[[], object]) -> threading.Thread:
    """Do something beside the test as soon as the target has got points."""

    def wait_and_act() -> None:
        wait_for_more_points(url)
        action()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread
