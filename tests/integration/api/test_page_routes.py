"""The routes that only the page uses, and who may use them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.api_server import ApiServer
from tests.support.cdn_traffic import Traffic, caches
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.rollups import make_databases
from tstats import catalog
from tstats.api.page.charts import CHARTS, MAX_LINES
from tstats.config.settings import Settings
from tstats.core.time import DAY, MINUTE
from tstats.influx.client import Endpoint, Influx
from tstats.simulator.server import ADMIN, Simulator
from tstats.simulator.sessions import SimulatedUser
from tstats.simulator.world import World

# The names of the simulated Traffic Ops.
SERVICES = {"cdn1-live-01": ("cdn1", 0.7), "cdn1-vod-02": ("cdn1", 0.3)}
READER = SimulatedUser(name="reader", password="r", role="read-only", services=frozenset({"cdn1-live-01"}))  # noqa: S106 (of the simulator)
MINUTES = 20
Json = dict[str, Any]


class Page:
    """A client of the page's routes; `end` is the end of the traffic, in ns."""

    def __init__(self, url: str, end: int) -> None:
        self.url = url
        self.end = end

    def get(self, path: str, cookies: dict[str, str] | None = None, **query: object) -> requests.Response:
        parameters = {name: str(value) for name, value in query.items()}
        return requests.get(f"{self.url}{path}", parameters, cookies=cookies, timeout=30)

    def lines(self, chart: str, of: str, cookies: dict[str, str] | None = None, **query: object) -> Json:
        span: Json = {"start": self.end - MINUTES * MINUTE, "end": self.end, "interval": "5m"}
        answer = self.get("/page/lines", cookies, chart=chart, of=of, **(span | query))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found


@pytest.fixture(scope="module")
def end(influxd: Influxd) -> int:
    """Twenty minutes of a CDN with a large cache group, until the last multiple of five minutes."""
    influx = emptied(influxd)
    make_databases(influx)
    now = int(datetime.now(UTC).timestamp()) * 10**9 // (5 * MINUTE) * 5 * MINUTE
    servers = [*caches(["big"], each=MAX_LINES + 3), *caches(["small"], each=1)]
    traffic = Traffic([replace(cache, cdn="cdn1") for cache in servers], SERVICES)
    traffic.write(influx, range(now - MINUTES * MINUTE, now, MINUTE), details=True)
    traffic.write_now(influx, now)
    traffic.write_days(influx, now // DAY * DAY, 3)
    other = f"daily_maxgbps,cdn=elsewhere,deliveryservice=all value=1 {now // DAY * DAY - DAY}"
    influx.write(other.encode(), database=catalog.DAILY_STATS, policy=catalog.INDEFINITE)
    influx.close()
    return now


@pytest.fixture(scope="module")
def page(influxd: Influxd, end: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page without authentication."""
    spool = str(tmp_path_factory.mktemp("page") / "spool")
    with ApiServer(Settings(api_auth="none", influx_urls=[influxd.url], spool_directory=spool)) as server:
        yield Page(server.url, end)


@pytest.fixture(scope="module")
def traffic_ops() -> Iterator[Simulator]:
    world = World.build(cdns=1, caches=2, delivery_services=2, monitors=1)
    with Simulator(world, users=[ADMIN, READER]) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def guarded(
    influxd: Influxd, end: int, traffic_ops: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """The page with sessions of Traffic Ops."""
    spool = str(tmp_path_factory.mktemp("guarded") / "spool")
    settings = Settings(to_url=traffic_ops.traffic_ops_url, influx_urls=[influxd.url], spool_directory=spool)
    with ApiServer(settings) as server:
        yield Page(server.url, end)


def session(traffic_ops: Simulator, user: SimulatedUser) -> dict[str, str]:
    answer = requests.post(
        f"{traffic_ops.traffic_ops_url}/api/5.0/user/login",
        json={"u": user.name, "p": user.password},
        timeout=10,
    )
    return {"mojolicious": answer.cookies["mojolicious"]}


# --- charts


@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_has_its_lines(page: Page, chart: str) -> None:
    things = {
        "cdn": "cdn1",
        "cachegroup": "big",
        "hostname": "edge-big-01",
        "deliveryservice": "cdn1-live-01",
    }
    found = page.lines(chart, things[CHARTS[chart].of])
    assert found["times"] == [page.end // 10**9 - left * 300 for left in (4, 3, 2, 1)]
    assert found["lines"]
    for line in found["lines"]:
        assert len(line["values"]) == 4
        assert None not in line["values"]


def test_a_value_is_the_mean_of_its_interval(page: Page, influxd: Influxd) -> None:
    influx = Influx(Endpoint(url=influxd.url))
    [series] = influx.query(
        "SELECT value FROM cache_stats.monthly.\"bandwidth.1min\" WHERE hostname = 'edge-big-01'"
    )
    influx.close()
    [line] = page.lines("server_bandwidth", "edge-big-01")["lines"]
    values = [value for _, value in series.values]
    means = [sum(values[at : at + 5]) / 5 for at in range(0, MINUTES, 5)]
    assert line["values"] == pytest.approx(means)


def test_only_the_busiest_of_many_caches_are_drawn(page: Page) -> None:
    found = page.lines("cachegroup_bandwidth", "big")
    assert found["found"] == MAX_LINES + 4
    means = [sum(line["values"]) for line in found["lines"]]
    assert len(means) == MAX_LINES
    assert means == sorted(means, reverse=True)
    assert "mid-big-01" not in {line["name"] for line in found["lines"]}


def test_an_interval_without_points_is_null(page: Page) -> None:
    [line] = page.lines("server_bandwidth", "edge-big-01", end=page.end + 10 * MINUTE)["lines"]
    assert line["values"][-2:] == [None, None]


@pytest.mark.parametrize("of", ["nobody", "x' OR hostname =~ /.*/ --", 'x" OR 1=1', "\\' OR true --"])
def test_names_cannot_inject_statements(page: Page, of: str) -> None:
    for chart in ("server_bandwidth", "cachegroup_bandwidth"):
        assert page.lines(chart, of)["lines"] == []


def test_an_invalid_request_is_explained(page: Page) -> None:
    answer = page.get("/page/lines", chart="server_bandwidth", of="x", start=0, end=1, interval="1s")
    assert answer.status_code == 400
    assert answer.json()["alerts"][0]["text"].startswith("interval: must be whole minutes")


# --- lists


def test_caches_have_their_last_values(page: Page) -> None:
    found = page.get("/page/caches").json()["caches"]
    assert len(found) == MAX_LINES + 6
    last = next(cache for cache in found if cache["hostname"] == "mid-small-01")
    assert (last["cdn"], last["cachegroup"], last["type"]) == ("cdn1", "small", "MID")
    assert last["time"] == page.end // 10**9 - 60
    assert last["capacity"] == 20_000_000
    assert last["connections"] == pytest.approx(last["kbps"] / 900)


def test_delivery_services_are_sorted_and_filtered(page: Page) -> None:
    found = page.get("/page/deliveryservices").json()
    assert [row["name"] for row in found["deliveryservices"]] == ["cdn1-live-01", "cdn1-vod-02"]
    assert found["more"] is False
    [vod] = page.get("/page/deliveryservices", like="VOD").json()["deliveryservices"]
    assert (vod["name"], vod["cdn"]) == ("cdn1-vod-02", "cdn1")
    assert vod["tps_5xx"] == pytest.approx(vod["tps"] / 1000)


def test_the_newest_day_comes_first(page: Page, guarded: Page, traffic_ops: Simulator) -> None:
    today = page.end // DAY * 86400
    found = guarded.get("/page/days", session(traffic_ops, ADMIN), days=30).json()["days"]
    assert [row["day"] for row in found] == [today - back * 86400 for back in (1, 2, 3)]
    assert {row["cdn"] for row in found} == {"cdn1"}  # Traffic Ops does not show the other one
    assert all(row["daily_maxgbps"] > 0 and row["daily_bytesserved"] > 0 for row in found)
    # Without Traffic Ops, only CDNs with points of their own exist.
    assert {row["cdn"] for row in page.get("/page/days", days=30).json()["days"]} == {"cdn1"}


# --- health


def test_health_has_newest_points_coverage_and_servers(page: Page, influxd: Influxd) -> None:
    found = page.get("/page/health").json()
    newest = {(row["database"], row["measurement"]): row["newest"] for row in found["newest"]}
    seconds = page.end // 10**9
    assert newest["cache_stats", "bandwidth"] == seconds
    assert newest["cache_stats", "bandwidth.cdn.1min"] == seconds - 60
    assert newest["deliveryservice_stats", "kbps.ds.1min"] == seconds - 60
    rollups = {row["name"]: row for row in found["rollups"]}
    assert rollups["bandwidth_cdn_1min"]["expected"] == 360
    assert MINUTES - 3 <= rollups["bandwidth_cdn_1min"]["minutes"] <= MINUTES
    assert found["servers"] == [{"name": influxd.url, "answers": True}]
    assert found["problems"] == []


def test_health_names_the_server_that_does_not_answer(influxd: Influxd, end: int, tmp_path: Path) -> None:
    urls = [influxd.url, "http://127.0.0.1:9"]
    with ApiServer(
        Settings(api_auth="none", influx_urls=urls, spool_directory=str(tmp_path / "spool"))
    ) as server:
        found = Page(server.url, end).get("/page/health").json()
    assert [row["answers"] for row in found["servers"]] == [True, False]
    assert found["newest"]


# --- permissions


@pytest.mark.parametrize(
    "path", ["/page/lines", "/page/caches", "/page/deliveryservices", "/page/days?days=1", "/page/health"]
)
def test_data_requires_a_session(guarded: Page, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.json()["alerts"][0]["text"] == "unauthorized, please log in."


def test_the_page_itself_is_public(guarded: Page) -> None:
    assert "<h1" not in guarded.get("/").text
    assert guarded.get("/page/start").json() == {"auth": "trafficOps"}
    assert guarded.get("/page/nothing.js").status_code == 404
    assert guarded.get("/page/../page.py").status_code == 404


def test_tenancy_applies(guarded: Page, traffic_ops: Simulator) -> None:
    mine, everything = session(traffic_ops, READER), session(traffic_ops, ADMIN)
    names = [
        [row["name"] for row in guarded.get("/page/deliveryservices", who).json()["deliveryservices"]]
        for who in (mine, everything)
    ]
    assert names == [["cdn1-live-01"], ["cdn1-live-01", "cdn1-vod-02"]]
    assert guarded.lines("deliveryservice_kbps_by_group", "cdn1-live-01", mine)["lines"]
    span = {"start": guarded.end - MINUTE, "end": guarded.end, "interval": "1m"}
    for chart, of in (("deliveryservice_kbps_by_group", "cdn1-vod-02"), ("cdn_bandwidth_by_type", "other")):
        answer = guarded.get("/page/lines", mine, chart=chart, of=of, **span)
        assert answer.status_code == 404, answer.text


def test_only_callers_who_may_write_see_addresses_of_servers(guarded: Page, traffic_ops: Simulator) -> None:
    [shown] = guarded.get("/page/health", session(traffic_ops, READER)).json()["servers"]
    assert shown == {"name": "InfluxDB 1", "answers": True}
    [shown] = guarded.get("/page/health", session(traffic_ops, ADMIN)).json()["servers"]
    assert shown["name"].startswith("http://127.0.0.1:")
