"""The simulated Traffic Ops over HTTP: sessions, versions and inventory."""

from collections.abc import Iterator

import pytest
import requests

from tests.support.traffic_ops_responses import error_text, records
from tstats.simulator.faults import TRAFFIC_OPS
from tstats.simulator.server import ADMIN, Simulator
from tstats.simulator.sessions import SimulatedUser
from tstats.simulator.world import World

VERSIONS = ["3.0", "3.1", "4.0", "4.1", "5.0"]


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(World.build(cdns=2, caches=6, delivery_services=3, monitors=2)) as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.faults.clear()


def login(sim: Simulator, http: requests.Session, **changed: str) -> requests.Response:
    credentials = {"u": sim.user, "p": sim.password} | changed
    return http.post(f"{sim.traffic_ops_url}/api/5.0/user/login", json=credentials, timeout=5)


def get(sim: Simulator, http: requests.Session, path: str, **headers: str) -> requests.Response:
    return http.get(f"{sim.traffic_ops_url}/api/{path}", headers=headers, timeout=5)


# Sessions


def test_a_login_sets_both_cookies(sim: Simulator, http: requests.Session) -> None:
    response = login(sim, http)

    assert response.json() == {"alerts": [{"text": "Successfully logged in.", "level": "success"}]}
    assert set(response.cookies.keys()) == {"mojolicious", "access_token"}
    assert response.cookies["access_token"].count(".") == 2


@pytest.mark.parametrize("changed", [{"u": "root"}, {"p": "wrong"}, {"u": "", "p": ""}])
def test_wrong_credentials_are_refused(
    sim: Simulator, http: requests.Session, changed: dict[str, str]
) -> None:
    response = login(sim, http, **changed)

    assert (response.status_code, error_text(response)) == (401, "Invalid username or password.")
    assert not response.cookies


def test_a_login_that_is_not_json_is_refused(sim: Simulator, http: requests.Session) -> None:
    response = http.post(f"{sim.traffic_ops_url}/api/5.0/user/login", data=b'{"u":', timeout=5)

    assert response.status_code == 400


def test_the_session_says_who_it_is(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)

    assert get(sim, http, "5.0/user/current").json()["response"]["username"] == "admin"
    assert get(sim, http, "3.0/user/current").json()["response"]["roleName"] == "admin"


@pytest.mark.parametrize("cookie", ["mojolicious", "access_token"])
def test_either_cookie_is_enough(sim: Simulator, http: requests.Session, cookie: str) -> None:
    value = login(sim, http).cookies[cookie]
    http.cookies.clear()

    assert get(sim, http, "5.0/cdns").status_code == 401
    assert get(sim, http, "5.0/cdns", Cookie=f"{cookie}={value}").status_code == 200


def test_the_token_works_as_a_bearer(sim: Simulator, http: requests.Session) -> None:
    token = login(sim, http).cookies["access_token"]
    http.cookies.clear()

    assert get(sim, http, "5.0/cdns", Authorization=f"Bearer {token}").status_code == 200
    http.cookies.clear()
    assert get(sim, http, "5.0/cdns", Authorization="Bearer nonsense").status_code == 401


def test_every_response_renews_the_cookie(sim: Simulator, http: requests.Session) -> None:
    first = login(sim, http).cookies["mojolicious"]
    second = get(sim, http, "5.0/cdns").cookies["mojolicious"]

    assert first != second
    assert get(sim, http, "5.0/cdns", Cookie=f"mojolicious={first}").status_code == 200


@pytest.mark.parametrize(
    "cookie", ["", "mojolicious=nope", "mojolicious=", "access_token=a.b.c", "%%%", "a,b=c; d=e"]
)
def test_an_invalid_session_is_refused(sim: Simulator, http: requests.Session, cookie: str) -> None:
    response = get(sim, http, "5.0/servers", Cookie=cookie)

    assert (response.status_code, error_text(response)) == (401, "unauthorized, please log in.")


def test_ping_needs_no_session(sim: Simulator, http: requests.Session) -> None:
    assert get(sim, http, "5.0/ping").json() == {"ping": "pong"}


def test_a_session_expires_after_so_many_calls_and_a_new_login_works(
    sim: Simulator, http: requests.Session
) -> None:
    sim.faults.expire_sessions_after(2)
    login(sim, http)
    statuses = [get(sim, http, "5.0/cdns").status_code for _ in range(4)]

    assert statuses == [200, 200, 401, 401]
    login(sim, http)
    assert get(sim, http, "5.0/cdns").status_code == 200


def test_all_current_sessions_can_be_ended_at_once(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)
    sim.expire_sessions()

    assert get(sim, http, "5.0/cdns").status_code == 401
    login(sim, http)
    assert get(sim, http, "5.0/cdns").status_code == 200


def test_the_users_can_be_chosen(http: requests.Session) -> None:
    someone = SimulatedUser(name="someone", password="else")  # noqa: S106 (a fake's)
    with Simulator(World.build(cdns=1), users=[someone]) as sim:
        assert login(sim, http).status_code == 200
        assert login(sim, http, u="admin", p="twelve12").status_code == 401


# Users

TENANT = SimulatedUser(
    name="tenant",
    password="t",  # noqa: S106 (a fake's)
    role="read-only",
    services=frozenset({"cdn1-vod-02"}),
)
WRITER = SimulatedUser(
    name="writer",
    password="w",  # noqa: S106 (a fake's)
    role="writer",
    permissions=frozenset({"STAT:READ", "STAT:CREATE"}),
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with Simulator(World.build(cdns=1, delivery_services=3), users=[ADMIN, TENANT, WRITER]) as simulator:
        yield simulator


@pytest.mark.parametrize(
    ("user", "path", "seen"),
    [
        (ADMIN, "deliveryservices", ["cdn1-live-01", "cdn1-vod-02", "cdn1-images-03"]),
        (TENANT, "deliveryservices", ["cdn1-vod-02"]),
        (TENANT, "deliveryservices?xmlId=cdn1-vod-02", ["cdn1-vod-02"]),
        (TENANT, "deliveryservices?id=2", ["cdn1-vod-02"]),
        (TENANT, "deliveryservices?xmlId=cdn1-live-01", []),
        (TENANT, "deliveryservices?id=1", []),
    ],
)
def test_a_user_sees_the_delivery_services_of_its_tenant(
    shared: Simulator, http: requests.Session, user: SimulatedUser, path: str, seen: list[str]
) -> None:
    login(shared, http, u=user.name, p=user.password)
    assert [service["xmlId"] for service in records(get(shared, http, f"5.0/{path}"))] == seen


@pytest.mark.parametrize(
    ("version", "role"),
    [("5.0", {"role": "read-only"}), ("3.1", {"role": 2, "roleName": "read-only"})],
)
def test_a_user_has_a_role(
    shared: Simulator, http: requests.Session, version: str, role: dict[str, object]
) -> None:
    login(shared, http, u="tenant", p="t")
    who = get(shared, http, f"{version}/user/current").json()["response"]
    assert who == {"id": 2, "username": "tenant", "tenant": "tenant of tenant", "tenantId": 2} | role


def test_a_role_has_permissions(shared: Simulator, http: requests.Session) -> None:
    login(shared, http)
    assert records(get(shared, http, "4.0/roles?name=writer")) == [
        {"name": "writer", "permissions": ["STAT:CREATE", "STAT:READ"]}
    ]
    assert len(records(get(shared, http, "4.0/roles"))) == 3
    assert "permissions" not in records(get(shared, http, "3.0/roles"))[0]


def test_the_password_of_another_user_is_refused(shared: Simulator, http: requests.Session) -> None:
    assert login(shared, http, u="tenant", p=ADMIN.password).status_code == 401


# Versions and paths


@pytest.mark.parametrize("version", ["1.4", "2.0", "3.2", "4.2", "5.1", "6.0"])
def test_other_versions_are_not_implemented(sim: Simulator, http: requests.Session, version: str) -> None:
    response = get(sim, http, f"{version}/ping")

    assert response.status_code == 501
    assert error_text(response).startswith("The requested api version is not implemented by this server.")


def test_an_older_server_can_be_simulated(http: requests.Session) -> None:
    with Simulator(World.build(cdns=1), versions=("3.0", "3.1", "4.0", "4.1")) as sim:
        assert get(sim, http, "5.0/ping").status_code == 501
        assert get(sim, http, "4.1/ping").status_code == 200


@pytest.mark.parametrize("path", ["5.0/nonsense", "5.0/", "five/servers", "5.0/servers/1"])
def test_an_unknown_path_does_not_exist(sim: Simulator, http: requests.Session, path: str) -> None:
    response = get(sim, http, f"{path}?a=b")

    assert (response.status_code, error_text(response)) == (
        404,
        f"The requested path '/api/{path}' does not exist.",
    )


def test_a_known_path_does_not_exist_for_other_methods(sim: Simulator, http: requests.Session) -> None:
    response = http.delete(f"{sim.traffic_ops_url}/api/5.0/stats_summary", timeout=5)

    assert (response.status_code, error_text(response)) == (
        404,
        "The requested path '/api/5.0/stats_summary' does not exist.",
    )


# Inventory


@pytest.mark.parametrize("version", VERSIONS)
def test_servers_have_the_fields_of_their_version(
    sim: Simulator, http: requests.Session, version: str
) -> None:
    login(sim, http)
    servers = records(get(sim, http, f"{version}/servers"))
    new, old = {"cdn", "cacheGroup"}, {"cdnName", "cachegroup"}

    for server in servers:
        assert {"hostName", "domainName", "type", "status", "tcpPort"} <= set(server)
        assert (new if version == "5.0" else old) <= set(server)
        assert not (old if version == "5.0" else new) & set(server)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_inventory_yields_the_urls_of_the_monitors(
    sim: Simulator, http: requests.Session, version: str
) -> None:
    login(sim, http)
    found: dict[str, list[str]] = {}
    for server in records(get(sim, http, f"{version}/servers?type=RASCAL")):
        if server["status"] == "ONLINE":
            url = "http://{hostName}.{domainName}:{tcpPort}".format_map(server)
            found.setdefault(server["cdn" if version == "5.0" else "cdnName"], []).append(url)

    assert found == sim.monitor_urls


def test_the_inventory_has_the_caches_of_the_world_and_an_offline_one(
    sim: Simulator, http: requests.Session
) -> None:
    login(sim, http)
    caches = {
        server["hostName"]: (server["cdn"], server["cacheGroup"], server["type"], server["status"])
        for server in records(get(sim, http, "5.0/servers"))
        if server["type"] in ("EDGE", "MID")
    }

    assert caches == {
        cache.host: (cache.cdn, cache.cachegroup, cache.type, cache.status)
        for cdn in sim.world.cdns
        for cache in (*cdn.caches, cdn.offline_cache)
    }


def test_the_monitors_of_a_cdn_have_different_host_names(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)
    monitors = records(get(sim, http, "5.0/servers?type=RASCAL&cdn=cdn1&status=ONLINE"))

    assert len({monitor["hostName"] for monitor in monitors}) == 2


def test_the_cdns_include_the_cdn_named_all(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)

    assert [cdn["name"] for cdn in records(get(sim, http, "5.0/cdns"))] == ["ALL", "cdn1", "cdn2"]
    assert [cdn["name"] for cdn in records(get(sim, http, "5.0/cdns?name=cdn2&nonsense=1"))] == ["cdn2"]


@pytest.mark.parametrize("version", VERSIONS)
def test_delivery_services_name_their_cdn(sim: Simulator, http: requests.Session, version: str) -> None:
    login(sim, http)
    services = records(get(sim, http, f"{version}/deliveryservices"))

    assert [(service["id"], service["xmlId"], service["cdnName"]) for service in services] == [
        (number, service.xml_id, service.cdn)
        for number, service in enumerate((s for cdn in sim.world.cdns for s in cdn.delivery_services), 1)
    ]


def test_the_parameters_name_the_stats_to_collect(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)
    parameters = records(get(sim, http, "4.1/profiles/name/TRAFFIC_STATS/parameters"))

    assert [p["value"] for p in parameters if p["name"] == "CacheStats"] == list(sim.world.cache_stats)
    assert [p["value"] for p in parameters if p["name"] == "DsStats"] == list(sim.world.ds_stats)


def test_requests_are_logged_by_server(sim: Simulator, http: requests.Session) -> None:
    login(sim, http)
    get(sim, http, "5.0/cdns?name=cdn1")

    assert [(asked.server, asked.method, asked.path) for asked in sim.requests[-2:]] == [
        (TRAFFIC_OPS, "POST", "/api/5.0/user/login"),
        (TRAFFIC_OPS, "GET", "/api/5.0/cdns?name=cdn1"),
    ]
