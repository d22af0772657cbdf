"""Traffic Ops as the collector meets it: versions, sessions, outages, and the inventory kept meanwhile."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.ports import on_free_ports
from tstats.collect.collector import Collection
from tstats.collect.telemetry import Telemetry
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError, UnreachableError
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import Simulator
from tstats.simulator.world import World
from tstats.traffic_control.traffic_ops import VERSIONS, TrafficOps

WORLD = World.build(cdns=2, caches=4, delivery_services=2, monitors=2)
STATUS = "ONLINE"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(WORLD) as simulator:
        yield simulator


@pytest.fixture
def connect() -> Iterator[Callable[..., TrafficOps]]:
    made: list[TrafficOps] = []

    def to(sim: Simulator, *, password: str = "", timeout: float = 5.0) -> TrafficOps:
        secret = Secret(password or sim.password)
        made.append(TrafficOps(sim.traffic_ops_url, user=sim.user, password=secret, timeout=timeout))
        return made[-1]

    yield to
    for each in made:
        each.close()


Connect = Callable[..., TrafficOps]


def asked(sim: Simulator, part: str = "") -> list[str]:
    """The paths that Traffic Ops was asked for, without `/api/`."""
    paths = [one.path.removeprefix("/api/") for one in sim.requests if one.server == TRAFFIC_OPS]
    return [path for path in paths if part in path]


# --- versions


def test_the_inventory_names_every_cache_monitor_and_stat(sim: Simulator, connect: Connect) -> None:
    found = connect(sim).inventory(STATUS)
    for cdn in WORLD.cdns:
        for cache in (*cdn.caches, cdn.offline_cache):
            known = found.caches[cache.host]
            assert (known.cachegroup, known.type) == (cache.cachegroup, cache.type)
    assert found.monitors == sim.monitor_urls
    assert (found.cache_stats, found.ds_stats) == (list(WORLD.cache_stats), list(WORLD.ds_stats))
    assert found.problems == []


@pytest.mark.parametrize("served", [VERSIONS, *([version] for version in VERSIONS), ["3.0", "4.0"]], ids=str)
def test_the_newest_common_version_is_spoken_and_all_give_the_same(
    sim: Simulator, connect: Connect, served: list[str]
) -> None:
    with Simulator(WORLD, versions=served) as older:
        found = connect(older).inventory(STATUS)
        assert found.caches == connect(sim).inventory(STATUS).caches
        assert found.monitors == older.monitor_urls
        assert asked(older, "servers") == [f"{max(served)}/servers"]


def test_a_version_is_negotiated_once(connect: Connect) -> None:
    with Simulator(WORLD, versions=["3.1"]) as older:
        traffic_ops = connect(older)
        for _ in range(3):
            traffic_ops.inventory(STATUS)
        assert asked(older, "login") == [f"{version}/user/login" for version in ("5.0", "4.1", "4.0", "3.1")]


def test_a_traffic_ops_of_an_unknown_version_is_an_error_that_says_what_is_spoken(connect: Connect) -> None:
    with (
        Simulator(WORLD, versions=["9.0"]) as newer,
        pytest.raises(ServerError, match=r"serves none of the API versions 5\.0, 4\.1, 4\.0, 3\.1, 3\.0"),
    ):
        connect(newer).inventory(STATUS)


def test_an_older_traffic_ops_in_its_place_is_spoken_to_in_its_version(connect: Connect) -> None:
    with ExitStack() as stack:
        newer = on_free_ports(lambda ports: stack.enter_context(Simulator(WORLD, port=ports.start)))
        port = int(newer.traffic_ops_url.rpartition(":")[2])
        traffic_ops = connect(newer)
        traffic_ops.inventory(STATUS)
    with Simulator(WORLD, port=port, versions=["4.0"]) as older:  # its ports are still reserved
        assert traffic_ops.inventory(STATUS).monitors == older.monitor_urls


# --- sessions


def test_one_login_serves_many_calls(sim: Simulator, connect: Connect) -> None:
    traffic_ops = connect(sim)
    for _ in range(3):
        traffic_ops.inventory(STATUS)
    assert len(asked(sim, "login")) == 1


def test_an_ended_session_is_replaced_without_a_failure(sim: Simulator, connect: Connect) -> None:
    traffic_ops = connect(sim)
    traffic_ops.inventory(STATUS)
    sim.expire_sessions()
    assert traffic_ops.inventory(STATUS).monitors
    assert len(asked(sim, "login")) == 2


def test_a_session_that_ends_between_two_calls_is_replaced(sim: Simulator, connect: Connect) -> None:
    sim.faults.expire_sessions_after(1)
    assert connect(sim).inventory(STATUS).ds_stats
    assert len(asked(sim, "login")) == 2


def test_a_session_that_is_never_good_is_an_error_not_a_loop(sim: Simulator, connect: Connect) -> None:
    sim.faults.expire_sessions_after(0)
    with pytest.raises(RefusedError, match="answered 401"):
        connect(sim).inventory(STATUS)
    assert len(asked(sim, "login")) == 2


def test_a_wrong_password_is_said_without_showing_it(sim: Simulator, connect: Connect) -> None:
    with pytest.raises(RefusedError) as caught:
        connect(sim, password="correct-horse").inventory(STATUS)  # noqa: S106 (the wrong one)
    text = str(caught.value)
    assert f"does not know the user {sim.user!r} with this password; check toUser and toPasswd" in text
    assert "correct-horse" not in text
    assert len(asked(sim, "login")) == 1


def test_after_a_wrong_answer_the_next_call_logs_in_anew(sim: Simulator, connect: Connect) -> None:
    traffic_ops = connect(sim)
    sim.faults.set(TRAFFIC_OPS, Fault.status(503), path="login", times=1)
    with pytest.raises(UnreachableError, match="answered 503"):
        traffic_ops.inventory(STATUS)
    assert traffic_ops.inventory(STATUS).monitors


# --- bad answers


def edited(change: Callable[[list[dict[str, Any]]], object]) -> Fault:
    """The right answer with its records changed."""

    def edit(body: bytes) -> bytes:
        answer = json.loads(body)
        return json.dumps({"response": change(answer["response"])}).encode()

    return Fault.body(edit)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.html(),
        Fault.empty(),
        Fault.truncated(),
        edited(lambda _records: None),
        edited(lambda _records: "text"),
        edited(lambda _records: [5]),
        edited(lambda records: [record | {"tcpPort": "80"} for record in records]),
        edited(lambda records: [record | {"hostName": 5} for record in records]),
        Fault.body(lambda _: b"{}"),
        Fault.body(lambda _: b"[" * 100_000),
        Fault.body(lambda _: b"\xff"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_that_names_its_url(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    sim.faults.set(TRAFFIC_OPS, fault, path="servers")
    with pytest.raises(ServerError, match=r"/api/5\.0/servers answered no records") as caught:
        connect(sim).inventory(STATUS)
    assert "\n" not in str(caught.value)


def test_fields_of_no_concern_may_hold_anything(sim: Simulator, connect: Connect) -> None:
    strange = edited(
        lambda records: [record | {"interfaces": "?", "id": None, "new": [{}]} for record in records]
    )
    sim.faults.set(TRAFFIC_OPS, strange, path="servers")
    assert connect(sim).inventory(STATUS).monitors == sim.monitor_urls


@pytest.mark.parametrize(
    "fault", [Fault.cut_off(), Fault.status(500), Fault.status(502), Fault.slow(20), Fault.drip(4)]
)
def test_a_failing_traffic_ops_is_unreachable_within_the_timeout(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    sim.faults.set(TRAFFIC_OPS, fault, path="servers")
    with pytest.raises(UnreachableError, match="servers"):
        connect(sim, timeout=0.5).inventory(STATUS)


# --- kept meanwhile


@pytest.fixture
def collect(tmp_path: Path) -> Iterator[Callable[[str], Collection]]:
    """Makes the collection of a process; a further one is a restart."""
    made: list[Collection] = []

    def start(url: str) -> Collection:
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
        made.append(Collection(settings, telemetry=Telemetry(), log=log))
        return made[-1]

    yield start
    for each in made:
        each.close()


Collect = Callable[[str], Collection]
POLLS = 2 * len(WORLD.cdns)


def test_while_traffic_ops_is_down_the_last_inventory_stays_in_use(sim: Simulator, collect: Collect) -> None:
    collection = collect(sim.traffic_ops_url)
    assert collection.refresh_inventory()
    sim.faults.down(TRAFFIC_OPS)
    with capture_logs() as events:
        assert not collection.refresh_inventory()
    assert [event["event"] for event in events] == ["inventory_failed"]
    assert [poll.result() for poll in collection.start_polls()] == [True] * POLLS


def test_a_restart_while_traffic_ops_is_down_goes_on_with_the_inventory_on_disk(
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
    collection = collect(sim.traffic_ops_url)
    sim.faults.down(TRAFFIC_OPS)
    assert not collection.refresh_inventory()
    assert not collection.has_inventory
    assert collection.start_polls() == []
    assert collection.problems() == ["no monitor to poll is known"]
    sim.faults.up(TRAFFIC_OPS)
    assert collection.refresh_inventory()
    assert len(collection.start_polls()) == POLLS


@pytest.mark.parametrize("fault", [Fault.html(), edited(lambda _records: [5]), Fault.status(503)])
def test_a_bad_answer_does_not_replace_a_good_inventory(
    sim: Simulator, collect: Collect, fault: Fault
) -> None:
    collection = collect(sim.traffic_ops_url)
    collection.refresh_inventory()
    sim.faults.set(TRAFFIC_OPS, fault, path="parameters")
    assert not collection.refresh_inventory()
    assert [poll.result() for poll in collection.start_polls()] == [True] * POLLS


def test_what_changed_in_traffic_ops_is_polled_after_the_next_refresh(
    sim: Simulator, collect: Collect
) -> None:
    collection = collect(sim.traffic_ops_url)
    collection.refresh_inventory()
    only_cdn2 = edited(lambda records: [record for record in records if record["cdn"] == "cdn2"])
    sim.faults.set(TRAFFIC_OPS, only_cdn2, path="servers")
    assert collection.refresh_inventory()
    assert [poll.result() for poll in collection.start_polls()] == [True, True]
    assert {served.cdn for served in sim.served} == {"cdn2"}


def test_no_monitor_of_the_wanted_status_is_told(sim: Simulator, collect: Collect) -> None:
    none = edited(lambda records: [record | {"status": "OFFLINE"} for record in records])
    sim.faults.set(TRAFFIC_OPS, none, path="servers")
    with capture_logs() as events:
        assert collect(sim.traffic_ops_url).refresh_inventory()
    (told,) = (event for event in events if event["event"] == "no_monitors")
    assert "no server of type RASCAL with status ONLINE" in told["remedy"]
