"""Every kind of authentication over HTTP, with a real InfluxDB: who may read and write what."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import requests

from tests.support.api_server import ApiServer
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tstats.api.access.token_file import TokenFile
from tstats.catalog import DATABASES
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.core.time import INFINITE
from tstats.db.database import Database
from tstats.db.migrations import Migrations
from tstats.influx.influxql import create_database, create_retention_policy
from tstats.simulator.faults import TRAFFIC_OPS
from tstats.simulator.server import ADMIN, Simulator
from tstats.simulator.sessions import SimulatedUser
from tstats.simulator.world import World

MINE, OTHERS = "cdn1-live-01", "cdn1-vod-02"
READER = SimulatedUser(name="reader", password="r", role="read-only", services=frozenset({MINE}))  # noqa: S106 (of the simulator)
RANGE = "startDate=2026-05-06T07:00:00Z&endDate=2026-05-06T07:10:00Z"
CACHE = f"5.0/cache_stats?metricType=bandwidth&cdnName=cdn1&{RANGE}"
NO_CDN = f"5.0/cache_stats?metricType=bandwidth&cdnName=a'%20OR%201=1%3B%20DROP%20DATABASE%20x%20--&{RANGE}"
SERVICE = f"5.0/deliveryservice_stats?metricType=kbps&{RANGE}&deliveryService="
SUMMARY = {
    "cdnName": "cdn1",
    "deliveryServiceName": "all",
    "statName": "daily_maxgbps",
    "statValue": 1.5,
    "summaryTime": "2026-05-06T00:10:00Z",
    "statDate": "2026-05-05",
}


@pytest.fixture(scope="module")
def points(influxd: Influxd) -> Iterator[None]:
    """The databases, with a point of a CDN and of two delivery services."""
    influx = emptied(influxd)
    moment = int(datetime(2026, 5, 6, 7, 5, tzinfo=UTC).timestamp())
    lines = {
        "cache_stats": f"bandwidth.cdn.1min,cdn=cdn1 value=5 {moment}",
        "deliveryservice_stats": "\n".join(
            f"kbps.ds.1min,cachegroup=total,cdn=cdn1,deliveryservice={name} value=7 {moment}"
            for name in (MINE, OTHERS)
        ),
    }
    for database in DATABASES:
        influx.query(create_database(database.name))
        for policy in database.policies:
            influx.query(create_retention_policy(database.name, policy.name, keep=INFINITE, replication=1))
    for name, text in lines.items():
        influx.write(text.encode(), database=name, policy="monthly", precision="s")
    yield
    influx.close()


@pytest.fixture(scope="module")
def settings(
    influxd: Influxd, tmp_path_factory: pytest.TempPathFactory, points: None
) -> Callable[..., Settings]:
    """A factory of settings with everything the API needs except for the authentication."""
    del points
    folder = tmp_path_factory.mktemp("api")
    database = Secret(f"sqlite:///{folder / 'tstats.db'}")
    Migrations(Database(database)).upgrade("head")

    def make(auth: str, url: str = "") -> Settings:
        return Settings(
            api_auth=auth,  # type: ignore[arg-type]  # one of the three
            to_url=url,
            to_request_timeout=5,
            influx_urls=[influxd.url],
            database_url=database,
            api_tokens_file=str(folder / "tokens.json"),
        )

    return make


class Client:
    """A client of one API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, headers: dict[str, str] | None = None) -> requests.Response:
        return requests.get(f"{self._url}/api/{path}", headers=headers, timeout=20)

    def post(self, headers: dict[str, str]) -> requests.Response:
        body = json.dumps(SUMMARY)
        return requests.post(f"{self._url}/api/5.0/stats_summary", data=body, headers=headers, timeout=20)


def alert(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["alerts"][0]["text"]


def kbps(answer: requests.Response) -> float:
    return float(answer.json()["response"]["summary"]["max"])


# --- sessions of Traffic Ops


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    world = World.build(cdns=2, caches=2, delivery_services=3, monitors=1)
    with Simulator(world, users=[ADMIN, READER]) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.faults.clear()


@pytest.fixture(scope="module")
def with_sessions(running: Simulator, settings: Callable[..., Settings]) -> Iterator[Client]:
    with ApiServer(settings("trafficOps", running.traffic_ops_url)) as server:
        yield Client(server.url)


def login(sim: Simulator, user: SimulatedUser = ADMIN) -> dict[str, str]:
    credentials = {"u": user.name, "p": user.password}
    answer = requests.post(f"{sim.traffic_ops_url}/api/5.0/user/login", json=credentials, timeout=5)
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in answer.cookies.items())}


PATHS = [
    "3.0/cache_stats",
    "4.1/deliveryservice_stats",
    "5.0/current_stats",
    "5.0/stats_summary",
    CACHE,
    SERVICE + MINE,
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [{}, {"Cookie": "mojolicious=bad"}, {"Cookie": "access_token=a.b.c"}, {"Authorization": "Bearer tst_x"}],
    ids=str,
)
def test_without_a_valid_session_everything_is_refused(
    with_sessions: Client, path: str, headers: dict[str, str]
) -> None:
    answer = with_sessions.get(path, headers | {"If-None-Match": "*"})
    assert alert(answer) == (401, "unauthorized, please log in.")


@pytest.mark.parametrize("path", ["5.0/current_stats", "5.0/stats_summary", CACHE, SERVICE + MINE])
def test_a_valid_session_is_accepted(with_sessions: Client, sim: Simulator, path: str) -> None:
    answer = with_sessions.get(path, login(sim))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_the_bearer_token_of_a_session_is_accepted(with_sessions: Client, sim: Simulator) -> None:
    token = login(sim)["Cookie"].partition("access_token=")[2].partition(";")[0]
    assert kbps(with_sessions.get(CACHE, {"Authorization": f"Bearer {token}"})) == 5


@pytest.mark.parametrize(
    ("user", "service", "expected"),
    [
        (ADMIN, MINE, 200),
        (ADMIN, "2", 200),
        (READER, MINE, 200),
        (READER, "1", 200),
        (READER, OTHERS, 404),
        (READER, "2", 404),
    ],
)
def test_the_delivery_service_of_another_tenant_is_not_found(
    with_sessions: Client, sim: Simulator, user: SimulatedUser, service: str, expected: int
) -> None:
    answer = with_sessions.get(SERVICE + service, login(sim, user))
    if expected == 200:
        assert kbps(answer) == 7
    else:
        assert alert(answer) == (404, f"No such Delivery Service: {service}")


def test_a_cdn_unknown_to_traffic_ops_is_not_found(with_sessions: Client, sim: Simulator) -> None:
    assert alert(with_sessions.get(NO_CDN, login(sim))) == (
        404,
        "no such CDN: a' OR 1=1; DROP DATABASE x --",
    )


@pytest.mark.parametrize(
    ("user", "headers", "expected"),
    [
        (ADMIN, {}, 200),
        (ADMIN, {"Sec-Fetch-Site": "same-origin"}, 200),
        (ADMIN, {"Sec-Fetch-Site": "cross-site"}, 403),
        (ADMIN, {"Origin": "https://evil.example"}, 403),
        (READER, {}, 403),
    ],
)
def test_who_may_record_a_summary(
    with_sessions: Client, sim: Simulator, user: SimulatedUser, headers: dict[str, str], expected: int
) -> None:
    assert with_sessions.post(login(sim, user) | headers).status_code == expected


def test_while_traffic_ops_is_down_cached_sessions_can_still_read(
    with_sessions: Client, sim: Simulator
) -> None:
    known, new = login(sim, READER), login(sim)
    paths = [CACHE, SERVICE + MINE, "5.0/current_stats"]
    before = [with_sessions.get(path, known).status_code for path in paths]
    sim.faults.down(TRAFFIC_OPS)
    assert [with_sessions.get(path, known).status_code for path in paths] == before == [200] * 3
    status, text = alert(with_sessions.get(CACHE, new))
    assert status == 503
    assert text == "Traffic Ops cannot check this session: try again in a few seconds."
    sim.faults.up(TRAFFIC_OPS)
    assert with_sessions.get(CACHE, new).status_code == 200


# --- tokens


@pytest.fixture(scope="module")
def tokens(settings: Callable[..., Settings]) -> TokenFile:
    return TokenFile(settings("tokens").tokens_file)


@pytest.fixture(scope="module")
def with_tokens(tokens: TokenFile, settings: Callable[..., Settings]) -> Iterator[Client]:
    tokens.create("reader", write=False, expires=None)
    with ApiServer(settings("tokens")) as server:
        yield Client(server.url)


def bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal()}"}


def test_a_token_can_read_until_it_is_revoked(with_tokens: Client, tokens: TokenFile) -> None:
    token = bearer(tokens.create("grafana", write=False, expires=None))
    assert kbps(with_tokens.get(CACHE, token)) == 5
    assert kbps(with_tokens.get(SERVICE + OTHERS, token)) == 7
    current = with_tokens.get("5.0/current_stats", token).json()["response"]["currentStats"]
    assert [row["cdn"] for row in current] == ["cdn1", "total"]
    tokens.revoke("grafana")
    assert with_tokens.get(CACHE, token).status_code == 401


def test_inactive_and_invalid_tokens_are_refused(with_tokens: Client, tokens: TokenFile) -> None:
    expired = bearer(tokens.create("old", write=False, expires=datetime(2026, 1, 1, tzinfo=UTC)))
    for headers in ({}, expired, {"Authorization": "Bearer tst_x"}, {"Cookie": "mojolicious=x"}):
        assert with_tokens.get(CACHE, headers).status_code == 401


def test_only_a_token_with_write_access_records_summaries(with_tokens: Client, tokens: TokenFile) -> None:
    assert with_tokens.post(bearer(tokens.create("writer", write=True, expires=None))).status_code == 200
    refused = with_tokens.post(bearer(tokens.create("reads-only", write=False, expires=None)))
    assert refused.status_code == 403


def test_what_has_no_points_is_not_found(with_tokens: Client, tokens: TokenFile) -> None:
    token = bearer(tokens.create("curious", write=False, expires=None))
    assert alert(with_tokens.get(NO_CDN, token))[0] == 404
    assert alert(with_tokens.get(SERVICE + "1", token)) == (404, "No such Delivery Service: 1")


# --- no authentication


@pytest.fixture(scope="module")
def open_to_all(settings: Callable[..., Settings]) -> Iterator[Client]:
    with ApiServer(settings("none")) as server:
        yield Client(server.url)


def test_everybody_on_this_machine_is_accepted_except_pages_of_other_sites(open_to_all: Client) -> None:
    assert kbps(open_to_all.get(CACHE)) == 5
    assert alert(open_to_all.get(CACHE, {"Host": "rebound.example"}))[0] == 403
    assert open_to_all.post({"Origin": "https://evil.example"}).status_code == 403
    assert open_to_all.post({}).status_code == 200


def test_a_response_does_not_contain_the_token(with_tokens: Client, tokens: TokenFile) -> None:
    secret = tokens.create("shown", write=False, expires=None)
    answer = with_tokens.get("5.0/cache_stats", bearer(secret))
    assert secret.reveal() not in answer.text + str(answer.headers)
