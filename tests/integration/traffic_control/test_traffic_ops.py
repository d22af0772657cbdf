"""The client of Traffic Ops: API versions, sessions, outages and bad answers."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.proxy import Proxy
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

    def to(sim: Simulator, *, url: str = "", password: str = "", timeout: float = 5.0) -> TrafficOps:
        secret = Secret(password or sim.password)
        made.append(TrafficOps(url or sim.traffic_ops_url, user=sim.user, password=secret, timeout=timeout))
        return made[-1]

    yield to
    for traffic_ops in made:
        traffic_ops.close()


Connect = Callable[..., TrafficOps]


def asked(sim: Simulator, part: str = "") -> list[str]:
    """The paths that Traffic Ops was asked for, without `/api/`."""
    paths = [request.path.removeprefix("/api/") for request in sim.requests if request.server == TRAFFIC_OPS]
    return [path for path in paths if part in path]


# --- versions


def test_the_inventory_has_every_cache_monitor_and_stat(sim: Simulator, connect: Connect) -> None:
    found = connect(sim).inventory(STATUS)
    for cdn in WORLD.cdns:
        for cache in (*cdn.caches, cdn.offline_cache):
            known = found.caches[cache.host]
            assert (known.cachegroup, known.type) == (cache.cachegroup, cache.type)
    assert found.monitors == sim.monitor_urls
    assert (found.cache_stats, found.ds_stats) == (list(WORLD.cache_stats), list(WORLD.ds_stats))
    assert found.problems == []


@pytest.mark.parametrize("served", [VERSIONS, *([version] for version in VERSIONS), ["3.0", "4.0"]], ids=str)
def test_the_newest_common_version_is_used_and_all_give_the_same_inventory(
    sim: Simulator, connect: Connect, served: list[str]
) -> None:
    with Simulator(WORLD, versions=served) as older:
        found = connect(older).inventory(STATUS)
        assert found.caches == connect(sim).inventory(STATUS).caches
        assert found.monitors == older.monitor_urls
        assert asked(older, "servers") == [f"{max(served)}/servers"]


def test_the_version_is_negotiated_once(connect: Connect) -> None:
    with Simulator(WORLD, versions=["3.1"]) as older:
        traffic_ops = connect(older)
        for _ in range(3):
            traffic_ops.inventory(STATUS)
        assert asked(older, "login") == [f"{version}/user/login" for version in ("5.0", "4.1", "4.0", "3.1")]


def test_without_a_common_version_the_error_names_the_supported_versions(connect: Connect) -> None:
    with (
        Simulator(WORLD, versions=["9.0"]) as newer,
        pytest.raises(ServerError, match=r"serves none of the API versions 5\.0, 4\.1, 4\.0, 3\.1, 3\.0"),
    ):
        connect(newer).inventory(STATUS)


def test_the_version_is_negotiated_again_with_an_older_traffic_ops_at_the_same_address(
    sim: Simulator, connect: Connect
) -> None:
    with (
        Simulator(WORLD, versions=["4.0"]) as older,
        Proxy(sim.traffic_ops_url, lambda _path, _body: None) as address,
    ):
        traffic_ops = connect(sim, url=address.url)
        assert traffic_ops.inventory(STATUS).monitors == sim.monitor_urls
        address.upstream = older.traffic_ops_url
        assert traffic_ops.inventory(STATUS).monitors == older.monitor_urls
    assert asked(older, "servers") == ["5.0/servers", "4.0/servers"]


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


def test_a_session_that_ends_between_two_requests_is_replaced(sim: Simulator, connect: Connect) -> None:
    sim.faults.expire_sessions_after(1)
    assert connect(sim).inventory(STATUS).ds_stats
    assert len(asked(sim, "login")) == 2


def test_a_session_that_is_never_accepted_is_an_error_and_not_a_loop(
    sim: Simulator, connect: Connect
) -> None:
    sim.faults.expire_sessions_after(0)
    with pytest.raises(RefusedError, match="answered 401"):
        connect(sim).inventory(STATUS)
    assert len(asked(sim, "login")) == 2


def test_the_error_about_a_wrong_password_does_not_show_it(sim: Simulator, connect: Connect) -> None:
    with pytest.raises(RefusedError) as caught:
        connect(sim, password="correct-horse").inventory(STATUS)  # noqa: S106 (the wrong one)
    text = str(caught.value)
    assert f"rejected the user {sim.user!r} or its password; check toUser and toPasswd" in text
    assert "correct-horse" not in text
    assert len(asked(sim, "login")) == 1


def test_after_a_failed_login_the_next_call_logs_in_again(sim: Simulator, connect: Connect) -> None:
    traffic_ops = connect(sim)
    sim.faults.set(TRAFFIC_OPS, Fault.status(503), path="login", times=1)
    with pytest.raises(UnreachableError, match="answered 503"):
        traffic_ops.inventory(STATUS)
    assert traffic_ops.inventory(STATUS).monitors


# --- bad answers


def edited(change: Callable[[list[dict[str, Any]]], object]) -> Fault:
    """Return a fault: the right answer with changed records."""

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
def test_an_unusable_answer_is_an_error_that_names_its_url(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    sim.faults.set(TRAFFIC_OPS, fault, path="servers")
    with pytest.raises(ServerError, match=r"/api/5\.0/servers returned no valid records") as caught:
        connect(sim).inventory(STATUS)
    assert "\n" not in str(caught.value)


def test_unused_fields_may_hold_anything(sim: Simulator, connect: Connect) -> None:
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
