"""The monitors of a CDN are alternatives; they are asked one after the other within a common time limit."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.ports import NOBODY
from tstats.collect.payload import FeedError
from tstats.errors import UnreachableError
from tstats.simulator.faults import Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World
from tstats.traffic_control.traffic_monitor import Feed, MonitorGroup

FIRST, SECOND, THIRD = ("cdn1-monitor-1", "cdn1-monitor-2", "cdn1-monitor-3")
LONG_S = 60.0
DRIP_S = 4.0  # in 20 pieces: no single piece takes long enough to time out


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(World.build(cdns=1, caches=4, delivery_services=2, monitors=3)) as simulator:
        yield simulator


@pytest.fixture
def failures() -> list[tuple[str, str]]:
    """The URLs of the monitors that failed, with the reasons."""
    return []


@pytest.fixture
def group_of(failures: list[tuple[str, str]]) -> Iterator[Callable[..., MonitorGroup]]:
    made: list[MonitorGroup] = []

    def make(
        urls: list[str], feed: Feed = "CacheStats", stats: tuple[str, ...] = ("bandwidth",)
    ) -> MonitorGroup:
        def failed(url: str, reason: str) -> None:
            failures.append((url, reason))

        made.append(MonitorGroup(urls, feed=feed, stats=stats, on_failed=failed))
        return made[-1]

    yield make
    for group in made:
        group.close()


GroupOf = Callable[..., MonitorGroup]


@pytest.fixture
def group(sim: Simulator, group_of: GroupOf) -> MonitorGroup:
    return group_of(sim.monitor_urls["cdn1"])


def read(body: bytes) -> int:
    """Return the number of caches in a payload."""
    try:
        return len(json.loads(body)["caches"])
    except ValueError as error:
        raise FeedError(f"invalid JSON ({error})") from error


def who_answers(sim: Simulator, group: MonitorGroup, *, seconds: float = 5.0) -> str:
    url, caches = group.ask(read, seconds=seconds)
    assert caches == 4
    monitors = dict(zip(sim.monitor_urls["cdn1"], (FIRST, SECOND, THIRD), strict=True))
    return monitors[url]


def test_only_the_first_monitor_is_asked_when_it_answers(
    sim: Simulator, group: MonitorGroup, failures: list[object]
) -> None:
    assert who_answers(sim, group) == FIRST
    assert {served.monitor for served in sim.served} == {FIRST}
    assert failures == []


def test_the_request_is_the_same_as_gos(sim: Simulator, group_of: GroupOf) -> None:
    group_of(sim.monitor_urls["cdn1"], "DsStats", ("kbps", "a b", "x&y")).ask(len, seconds=5)
    (asked,) = (request for request in sim.requests if request.server == FIRST)
    assert (asked.method, asked.path) == ("GET", "/publish/DsStats?hc=1&wildcard=1&stats=kbps,a%20b,x%26y")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(503, "starting up\n"),
        Fault.status(500),
        Fault.status(400, "invalid query parameter 'x'\n"),
        Fault.status(404),
        Fault.html(),
        Fault.empty(),
        Fault.truncated(),
        Fault.cut_off(),
    ],
)
def test_when_a_monitor_fails_the_reason_is_reported_and_the_next_is_asked(
    sim: Simulator, group: MonitorGroup, failures: list[tuple[str, str]], fault: Fault
) -> None:
    sim.faults.set(FIRST, fault)
    assert who_answers(sim, group) == SECOND
    ((url, reason),) = failures
    assert url == sim.monitor_urls["cdn1"][0]
    assert reason


def test_a_monitor_that_is_down_is_skipped(
    sim: Simulator, group: MonitorGroup, failures: list[tuple[str, str]]
) -> None:
    sim.faults.down(FIRST)
    assert who_answers(sim, group) == SECOND
    assert "cannot be reached" in failures[0][1]


def test_the_monitor_that_answered_last_is_asked_first(
    sim: Simulator, group: MonitorGroup, failures: list[object]
) -> None:
    sim.faults.down(FIRST)
    who_answers(sim, group)
    sim.faults.up(FIRST)
    failures.clear()
    assert [who_answers(sim, group) for _ in range(3)] == [SECOND] * 3
    sim.faults.down(SECOND)
    assert who_answers(sim, group) == FIRST


@pytest.mark.parametrize("fault", [Fault.slow(LONG_S), Fault.drip(DRIP_S)], ids=["slow", "drip"])
def test_a_slow_monitor_gets_only_its_share_of_the_time(
    sim: Simulator, group: MonitorGroup, failures: list[tuple[str, str]], fault: Fault
) -> None:
    sim.faults.set(FIRST, fault)
    started = time.monotonic()
    assert who_answers(sim, group, seconds=2.4) == SECOND
    assert 0.8 <= time.monotonic() - started < 2.4
    assert "did not answer in full within 0.8 s" in failures[0][1]


@pytest.mark.parametrize("fault", [Fault.slow(LONG_S), Fault.drip(DRIP_S)], ids=["slow", "drip"])
def test_all_monitors_together_stay_within_the_time_limit(
    sim: Simulator, group: MonitorGroup, failures: list[object], fault: Fault
) -> None:
    for monitor in (FIRST, SECOND, THIRD):
        sim.faults.set(monitor, fault)
    started = time.monotonic()
    with pytest.raises(UnreachableError, match="none of 3 monitors gave a usable payload"):
        group.ask(read, seconds=0.9)
    assert time.monotonic() - started < 1.8
    assert len(failures) == 3


def test_a_slow_answer_that_ends_in_time_is_used(sim: Simulator, group: MonitorGroup) -> None:
    sim.faults.set(FIRST, Fault.drip(0.3))
    assert who_answers(sim, group, seconds=30) == FIRST


@pytest.mark.parametrize(
    "url", ["http://no-such-host.invalid:80", "http://a..b:80", "http://[::1", "http://a b:80"]
)
def test_an_unusable_address_is_a_failure_like_any_other(
    sim: Simulator, group_of: GroupOf, failures: list[tuple[str, str]], url: str
) -> None:
    group = group_of([url, NOBODY, *sim.monitor_urls["cdn1"]])
    assert who_answers(sim, group) == FIRST
    assert len(failures) == 2
    assert failures[0][0] == url
