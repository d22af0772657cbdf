"""Access by the sessions of Traffic Ops: who gets in, who sees what, and what Traffic Ops is asked for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

import pytest
import requests

from tests.support.clock import Clock
from tests.support.stand_in import Reply, StandIn
from tests.support.stand_in import Request as Asked
from tstats.api.access import authority
from tstats.api.access.access import Access, Caller, Denied
from tstats.config.settings import Settings
from tstats.simulator.faults import TRAFFIC_OPS, Fault
from tstats.simulator.server import ADMIN, Simulator
from tstats.simulator.sessions import User
from tstats.simulator.world import World

if TYPE_CHECKING:
    from tstats.api.access.tagged import Reader

pytestmark = pytest.mark.anyio

MINE, OTHERS = "cdn1-live-01", "cdn1-vod-02"
MINE_ID, OTHERS_ID = "1", "2"
OPERATOR = User(name="operator", password="o", role="operations", permissions=frozenset({"STAT:CREATE"}))  # noqa: S106 (a fake's)
READER = User(name="reader", password="r", role="read-only", services=frozenset({MINE}))  # noqa: S106 (the same)
RECORDER = User(name="recorder", password="c", role="recorder", permissions=frozenset({"STAT:CREATE"}))  # noqa: S106 (the same)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    world = World.build(cdns=2, caches=2, delivery_services=3, monitors=1)
    with Simulator(world, users=[ADMIN, OPERATOR, READER, RECORDER]) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.faults.clear()


@pytest.fixture
def clock() -> Clock[float]:
    return Clock(1000.0)


def make(url: str, clock: Callable[[], float], *, timeout: int = 5) -> Access:
    """The access of this Traffic Ops, which has no need of InfluxDB."""
    settings = Settings(to_url=url, to_request_timeout=timeout)
    return authority.make(settings, cast("Reader", None), clock=clock)


@pytest.fixture
async def access(sim: Simulator, clock: Clock[float]) -> AsyncIterator[Access]:
    made = make(sim.traffic_ops_url, clock)
    yield made
    await made.aclose()


def session(
    sim: Simulator, user: User = ADMIN, *, cookie: str = "mojolicious", version: str = "5.0"
) -> dict[str, str]:
    """The headers of a request in a new session."""
    credentials = {"u": user.name, "p": user.password}
    url = f"{sim.traffic_ops_url}/api/{version}/user/login"
    answer = requests.post(url, json=credentials, timeout=5)
    return {"cookie": f"{cookie}={answer.cookies[cookie]}"}


def bearer(sim: Simulator) -> dict[str, str]:
    token = session(sim, cookie="access_token")["cookie"].partition("=")[2]
    return {"authorization": f"Bearer {token}"}


def asked(sim: Simulator, part: str = "user/current") -> int:
    return sum(part in request.path for request in sim.requests)


async def refusal(access: Access, headers: Mapping[str, str]) -> tuple[int, str]:
    with pytest.raises(Denied) as denied:
        await access.caller(headers)
    return denied.value.status, denied.value.text


# --- who gets in


@pytest.mark.parametrize("way", ["mojolicious", "access_token", "bearer"])
async def test_each_proof_of_a_session_lets_in(sim: Simulator, access: Access, way: str) -> None:
    headers = bearer(sim) if way == "bearer" else session(sim, cookie=way)
    caller = await access.caller(headers)
    assert (caller.name, caller.may_write) == ("admin", True)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": "theme=dark"},
        {"cookie": "mojolicious=a b"},
        {"authorization": "Basic YWRtaW46dHdlbHZlMTI="},
    ],
    ids=str,
)
async def test_what_is_no_session_is_refused_without_a_question(
    sim: Simulator, access: Access, headers: dict[str, str]
) -> None:
    before = asked(sim)
    assert await refusal(access, headers) == (401, "unauthorized, please log in.")
    assert asked(sim) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "mojolicious=nobody"},
        {"cookie": "access_token=a.b.c"},
        {"authorization": "Bearer a.b.c"},
    ],
    ids=str,
)
async def test_a_bad_session_is_refused(access: Access, headers: dict[str, str]) -> None:
    assert await refusal(access, headers) == (401, "unauthorized, please log in.")


async def test_a_session_that_ends_is_refused_when_it_is_no_longer_remembered(
    sim: Simulator, access: Access, clock: Clock[float]
) -> None:
    headers = session(sim)
    await access.caller(headers)
    sim.expire_sessions()
    clock.now += 29
    assert (await access.caller(headers)).name == "admin"
    clock.now += 2
    assert (await refusal(access, headers))[0] == 401


async def test_a_session_that_turns_out_to_have_ended_is_forgotten_at_once(
    sim: Simulator, access: Access
) -> None:
    headers = session(sim)
    caller = await access.caller(headers)
    sim.expire_sessions()
    with pytest.raises(Denied) as denied:
        await access.cdns(caller)
    assert denied.value.status == 401
    assert (await refusal(access, headers))[0] == 401


# --- what a role may write


@pytest.mark.parametrize(
    ("user", "version", "may_write"),
    [
        (ADMIN, "5.0", True),
        (ADMIN, "3.1", True),
        (RECORDER, "4.0", True),
        (RECORDER, "3.1", False),  # 3.x tells of no such permission
        (OPERATOR, "5.0", True),
        (OPERATOR, "3.0", True),
        (READER, "5.0", False),
        (READER, "3.1", False),
    ],
    ids=lambda value: value.name if isinstance(value, User) else str(value),
)
async def test_who_may_record_summaries(
    clock: Clock[float], user: User, version: str, *, may_write: bool
) -> None:
    world = World.build(cdns=1, caches=1, delivery_services=1, monitors=1)
    with Simulator(world, users=[ADMIN, OPERATOR, READER, RECORDER], versions=[version]) as sim:
        access = make(sim.traffic_ops_url, clock)
        caller = await access.caller(session(sim, user, version=version))
        await access.aclose()
    assert (caller.name, caller.may_write) == (user.name, may_write)


async def test_where_the_permissions_are_not_told_only_the_admin_may_write(
    sim: Simulator, access: Access
) -> None:
    sim.faults.set(TRAFFIC_OPS, Fault.status(404), path="roles")
    assert (await access.caller(session(sim, ADMIN))).may_write
    assert not (await access.caller(session(sim, OPERATOR))).may_write


async def test_a_page_of_another_site_may_not_write(sim: Simulator, access: Access) -> None:
    headers = session(sim) | {"host": "stats.example.com"}
    assert (await access.caller(headers | {"origin": "https://stats.example.com"})).may_write
    assert not (await access.caller(headers | {"origin": "https://evil.example"})).may_write
    assert not (await access.caller(headers | {"sec-fetch-site": "cross-site"})).may_write


# --- who sees what


@pytest.mark.parametrize(
    ("user", "name", "id_or_name", "found"),
    [
        (ADMIN, OTHERS, None, OTHERS),
        (ADMIN, None, OTHERS, OTHERS),
        (ADMIN, None, OTHERS_ID, OTHERS),
        (ADMIN, MINE, OTHERS_ID, MINE),
        (READER, MINE, None, MINE),
        (READER, None, MINE_ID, MINE),
        (READER, OTHERS, None, None),  # another tenant's
        (READER, None, OTHERS, None),
        (READER, None, OTHERS_ID, None),
        (ADMIN, "nonsense", None, None),
        (ADMIN, OTHERS_ID, None, None),  # a name is no id
        (ADMIN, None, "999", None),
        (ADMIN, None, "9" * 400, None),
        (ADMIN, None, "x" * 4000, None),
        (ADMIN, "a' OR 1=1&id=1", None, None),
        (ADMIN, "../cdns?x", None, None),
        (ADMIN, "ä\r\nX: y", None, None),
    ],
)
async def test_a_delivery_service_is_there_for_whom_traffic_ops_shows_it(
    sim: Simulator,
    access: Access,
    user: User,
    name: str | None,
    id_or_name: str | None,
    found: str | None,
) -> None:
    caller = await access.caller(session(sim, user))
    assert await access.delivery_service(caller, name=name, id_or_name=id_or_name) == found


async def test_what_one_caller_sees_is_not_what_another_one_sees(sim: Simulator, access: Access) -> None:
    admin, reader = session(sim, ADMIN), session(sim, READER)
    for _ in range(2):
        seen = [
            await access.delivery_service(await access.caller(headers), name=OTHERS, id_or_name=None)
            for headers in (admin, reader)
        ]
        assert seen == [OTHERS, None]


async def test_an_answer_of_another_delivery_service_is_none(sim: Simulator, access: Access) -> None:
    # A server that does not know the filter shows all that there is.
    everything = b'{"response":[{"id":1,"xmlId":"cdn1-live-01"},{"id":2,"xmlId":"cdn1-vod-02"}]}'
    sim.faults.set(TRAFFIC_OPS, Fault.body(lambda _: everything), path="deliveryservices")
    caller = await access.caller(session(sim))
    assert await access.delivery_service(caller, name="cdn1-none", id_or_name=None) is None
    assert await access.delivery_service(caller, name=None, id_or_name="7") is None
    assert await access.delivery_service(caller, name=None, id_or_name="2") == OTHERS


async def test_the_cdns_are_those_of_traffic_ops_for_a_minute(
    sim: Simulator, access: Access, clock: Clock[float]
) -> None:
    caller = await access.caller(session(sim))
    before = asked(sim, "/cdns")
    for name, there in [
        ("cdn1", True),
        ("ALL", True),
        ("cdn9", False),
        ("a' OR 1=1; DROP DATABASE x --", False),
    ]:
        assert await access.has_cdn(caller, name) is there
    assert await access.cdns(caller) == ["ALL", "cdn1", "cdn2"]
    assert asked(sim, "/cdns") == before + 1
    clock.now += 61
    await access.cdns(caller)
    assert asked(sim, "/cdns") == before + 2


async def test_a_missing_right_is_said(sim: Simulator, access: Access) -> None:
    caller = await access.caller(session(sim))
    sim.faults.set(TRAFFIC_OPS, Fault.status(403), path="/cdns")
    with pytest.raises(Denied) as denied:
        await access.cdns(caller)
    assert denied.value.status == 403


# --- while Traffic Ops does not answer

OUTAGES: dict[str, Callable[[Simulator], None]] = {
    "down": lambda sim: sim.faults.down(TRAFFIC_OPS),
    "fails": lambda sim: sim.faults.set(TRAFFIC_OPS, Fault.status(502)),
}


@pytest.mark.parametrize("outage", OUTAGES)
async def test_remembered_sessions_read_on_and_new_ones_cannot_be_told(
    sim: Simulator, access: Access, clock: Clock[float], outage: str
) -> None:
    headers, new = session(sim), session(sim)
    caller = await access.caller(headers)
    await access.cdns(caller)
    await access.delivery_service(caller, name=MINE, id_or_name=None)
    clock.now += 50  # the session is asked for anew, what it sees is not
    await access.caller(headers)
    OUTAGES[outage](sim)

    assert (await refusal(access, new))[0] == 503
    clock.now += 29
    caller = await access.caller(headers)
    assert await access.has_cdn(caller, "cdn1")
    assert await access.delivery_service(caller, name=MINE, id_or_name=None) == MINE
    clock.now += 2
    status, text = await refusal(access, headers)
    assert (status, text) == (
        503,
        "Traffic Ops cannot be asked about this session: try again in some seconds.",
    )
    sim.faults.clear()
    assert (await access.caller(headers)).name == "admin"
    assert (await access.caller(new)).name == "admin"


@pytest.mark.parametrize("fault", [Fault.html(), Fault.empty(), Fault.truncated(), Fault.cut_off()])
async def test_an_answer_that_is_none_lets_nobody_in(sim: Simulator, access: Access, fault: Fault) -> None:
    headers = session(sim)
    sim.faults.set(TRAFFIC_OPS, fault, path="user/current")
    assert (await refusal(access, headers))[0] == 503


async def test_traffic_ops_has_its_time(sim: Simulator, clock: Clock[float]) -> None:
    access = make(sim.traffic_ops_url, clock, timeout=1)
    headers = session(sim)
    sim.faults.set(TRAFFIC_OPS, Fault.drip(30), path="user/current")
    assert (await refusal(access, headers))[0] == 503
    await access.aclose()


async def test_an_older_traffic_ops_in_its_place_is_understood(clock: Clock[float]) -> None:
    versions = ["5.0"]

    def answer(request: Asked) -> Reply:
        if request.path.split("/")[2] not in versions:
            return Reply(status=501, body=b'{"alerts":[]}')
        who = b'{"response":{"username":"somebody","role":1,"roleName":"admin"}}'
        return Reply(status=200, body=who)

    with StandIn(answer) as stand_in:
        access = make(stand_in.url, clock)
        assert (await access.caller({"cookie": "mojolicious=1"})).may_write
        versions[:] = ["3.0"]
        assert (await access.caller({"cookie": "mojolicious=2"})).name == "somebody"
        versions[:] = ["1.4"]
        assert (await refusal(access, {"cookie": "mojolicious=3"}))[0] == 503
        await access.aclose()


# --- what Traffic Ops is asked


async def test_a_remembered_session_asks_nothing(sim: Simulator, access: Access) -> None:
    headers = session(sim)
    before = asked(sim)
    for _ in range(50):
        await access.caller(headers)
    assert asked(sim) == before + 1


async def test_many_at_once_in_one_session_ask_once(sim: Simulator, access: Access) -> None:
    headers = session(sim, READER)
    parts = ("user/current", "roles", "deliveryservices")
    before = [asked(sim, part) for part in parts]
    callers = await asyncio.gather(*(access.caller(headers) for _ in range(50)))
    assert {caller.name for caller in callers} == {"reader"}
    await asyncio.gather(
        *(access.delivery_service(callers[0], name=OTHERS, id_or_name=None) for _ in range(50))
    )
    assert [asked(sim, part) for part in parts] == [count + 1 for count in before]


async def test_a_bad_session_is_asked_for_once_in_some_seconds(
    sim: Simulator, access: Access, clock: Clock[float]
) -> None:
    before = asked(sim)
    for _ in range(50):
        await refusal(access, {"cookie": "mojolicious=guess"})
    assert asked(sim) == before + 1
    clock.now += 6
    await refusal(access, {"cookie": "mojolicious=guess"})
    assert asked(sim) == before + 2


async def test_a_flood_of_bad_sessions_is_none_at_traffic_ops(
    sim: Simulator, access: Access, clock: Clock[float]
) -> None:
    good, fresh = session(sim), session(sim)
    caller = await access.caller(good)
    before = asked(sim)

    statuses = []
    for begin in range(0, 1000, 50):
        guesses = [{"cookie": f"mojolicious=guess-{begin + number}"} for number in range(50)]
        statuses += [
            status for status, _ in await asyncio.gather(*(refusal(access, guess) for guess in guesses))
        ]
    assert asked(sim) - before <= 100
    assert set(statuses) == {401, 503}

    # Those who are known read on, and what they see is asked for; others have to wait for some seconds.
    assert (await access.caller(good)).name == "admin"
    assert await access.has_cdn(caller, "cdn2")
    assert (await refusal(access, fresh))[0] == 503
    clock.now += 1
    assert (await access.caller(fresh)).name == "admin"


async def test_nothing_of_the_caller_goes_on_but_the_session(clock: Clock[float]) -> None:
    def answer(request: Asked) -> Reply:
        if "user/current" in request.path:
            body = b'{"response":{"username":"somebody","role":"admin"}}'
        else:
            body = b'{"response":[{"name":"cdn1"}]}'
        renewed = {"Set-Cookie": "mojolicious=renewed; Path=/"}
        return Reply(status=200, body=body, headers=renewed)

    with StandIn(answer) as stand_in:
        access = make(stand_in.url, clock)
        first = {"cookie": "theme=dark; mojolicious=m1", "x-secret": "s", "user-agent": "browser"}
        await access.cdns(await access.caller(first))
        await access.caller({"authorization": "Bearer t2", "host": "stats.example.com"})
        await access.aclose()
        sent = [
            {name: value for name, value in request.headers.items() if name in ("Cookie", "Authorization")}
            for request in stand_in.requests
        ]
        shown = str([request.headers for request in stand_in.requests])
    # The renewed cookie of one request does not get into another one, not even of the same caller.
    assert sent == [{"Cookie": "mojolicious=m1"}] * 2 + [{"Authorization": "Bearer t2"}]
    assert not any(word in shown for word in ("dark", "x-secret", "browser", "stats.example.com"))


async def test_no_redirect_takes_a_session_elsewhere(clock: Clock[float]) -> None:
    with (
        StandIn(lambda _: Reply(status=200, body=b"{}")) as elsewhere,
        StandIn(lambda _: Reply(status=302, headers={"Location": elsewhere.url})) as stand_in,
    ):
        access = make(stand_in.url, clock)
        assert (await refusal(access, {"cookie": "mojolicious=m1"}))[0] == 503
        await access.aclose()
        assert elsewhere.requests == []


async def test_a_session_shows_itself_nowhere(sim: Simulator, access: Access) -> None:
    headers = session(sim)
    secret = headers["cookie"].partition("=")[2]
    caller = await access.caller(headers)
    assert isinstance(caller, Caller)
    assert secret not in repr(caller)
    assert secret not in (await refusal(access, {"cookie": f"mojolicious=x{secret}"}))[1]
