"""What the page gets beside the API's statistics, and who gets it."""

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
from tstats.api.page.charts import CHARTS, MOST_LINES
from tstats.config.settings import Settings
from tstats.core.time import DAY, MINUTE
from tstats.influx.client import Endpoint, Influx
from tstats.simulator.server import ADMIN, Simulator
from tstats.simulator.sessions import SimulatedUser
from tstats.simulator.world import World

# As the simulated Traffic Ops names them.
SERVICES = {"cdn1-live-01": ("cdn1", 0.7), "cdn1-vod-02": ("cdn1", 0.3)}
READER = SimulatedUser(name="reader", password="r", role="read-only", services=frozenset({"cdn1-live-01"}))  # noqa: S106 (a fake's)
MINUTES = 20
Json = dict[str, Any]


class Page:
    """The page's routes over some minutes of traffic; `end` is the first moment after them, in ns."""

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
    """Twenty minutes of a CDN with a cache group of many caches, until this moment of five minutes."""
    influx = emptied(influxd)
    make_databases(influx)
    now = int(datetime.now(UTC).timestamp()) * 10**9 // (5 * MINUTE) * 5 * MINUTE
    every = [*caches(["big"], each=MOST_LINES + 3), *caches(["small"], each=1)]
    traffic = Traffic([replace(cache, cdn="cdn1") for cache in every], SERVICES)
    traffic.write(influx, range(now - MINUTES * MINUTE, now, MINUTE), details=True)
    traffic.write_now(influx, now)
    traffic.write_days(influx, now // DAY * DAY, 3)
    other = f"daily_maxgbps,cdn=elsewhere,deliveryservice=all value=1 {now // DAY * DAY - DAY}"
    influx.write(other.encode(), database=catalog.DAILY_STATS, policy=catalog.INDEFINITE)
    influx.close()
    return now


@pytest.fixture(scope="module")
def page(influxd: Influxd, end: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Everybody is let in."""
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
    """Who has a session of Traffic Ops is let in."""
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


def test_of_many_caches_the_busiest_are_drawn(page: Page) -> None:
    found = page.lines("cachegroup_bandwidth", "big")
    assert found["found"] == MOST_LINES + 4
    means = [sum(line["values"]) for line in found["lines"]]
    assert len(means) == MOST_LINES
    assert means == sorted(means, reverse=True)
    assert "mid-big-01" not in {line["name"] for line in found["lines"]}


def test_an_interval_without_points_is_null(page: Page) -> None:
    [line] = page.lines("server_bandwidth", "edge-big-01", end=page.end + 10 * MINUTE)["lines"]
    assert line["values"][-2:] == [None, None]


@pytest.mark.parametrize("of", ["nobody", "x' OR hostname =~ /.*/ --", 'x" OR 1=1', "\\' OR true --"])
def test_what_is_named_is_only_a_name(page: Page, of: str) -> None:
    for chart in ("server_bandwidth", "cachegroup_bandwidth"):
        assert page.lines(chart, of)["lines"] == []


def test_a_bad_question_is_told_why(page: Page) -> None:
    answer = page.get("/page/lines", chart="server_bandwidth", of="x", start=0, end=1, interval="1s")
    assert answer.status_code == 400
    assert answer.json()["alerts"][0]["text"].startswith("interval: whole minutes")


# --- lists


def test_every_cache_with_its_last_values(page: Page) -> None:
    found = page.get("/page/caches").json()["caches"]
    assert len(found) == MOST_LINES + 6
    one = next(cache for cache in found if cache["hostname"] == "mid-small-01")
    assert (one["cdn"], one["cachegroup"], one["type"]) == ("cdn1", "small", "MID")
    assert one["time"] == page.end // 10**9 - 60
    assert one["capacity"] == 20_000_000
    assert one["connections"] == pytest.approx(one["kbps"] / 900)


def test_delivery_services_the_busiest_first_and_by_a_part_of_their_name(page: Page) -> None:
    found = page.get("/page/deliveryservices").json()
    assert [one["name"] for one in found["deliveryservices"]] == ["cdn1-live-01", "cdn1-vod-02"]
    assert found["more"] is False
    [vod] = page.get("/page/deliveryservices", like="VOD").json()["deliveryservices"]
    assert (vod["name"], vod["cdn"]) == ("cdn1-vod-02", "cdn1")
    assert vod["tps_5xx"] == pytest.approx(vod["tps"] / 1000)


def test_the_days_the_newest_first(page: Page, guarded: Page, traffic_ops: Simulator) -> None:
    today = page.end // DAY * 86400
    found = guarded.get("/page/days", session(traffic_ops, ADMIN), days=30).json()["days"]
    assert [one["day"] for one in found] == [today - back * 86400 for back in (1, 2, 3)]
    assert {one["cdn"] for one in found} == {"cdn1"}  # the other one is not shown by Traffic Ops
    assert all(one["daily_maxgbps"] > 0 and one["daily_bytesserved"] > 0 for one in found)
    # Without Traffic Ops, what exists is what has points of its own.
    assert {one["cdn"] for one in page.get("/page/days", days=30).json()["days"]} == {"cdn1"}


# --- health


def test_health_tells_ages_minutes_and_servers(page: Page, influxd: Influxd) -> None:
    found = page.get("/page/health").json()
    newest = {(one["database"], one["measurement"]): one["newest"] for one in found["newest"]}
    seconds = page.end // 10**9
    assert newest["cache_stats", "bandwidth"] == seconds
    assert newest["cache_stats", "bandwidth.cdn.1min"] == seconds - 60
    assert newest["deliveryservice_stats", "kbps.ds.1min"] == seconds - 60
    rollups = {one["name"]: one for one in found["rollups"]}
    assert rollups["bandwidth_cdn_1min"]["expected"] == 360
    assert MINUTES - 3 <= rollups["bandwidth_cdn_1min"]["minutes"] <= MINUTES
    assert found["servers"] == [{"name": influxd.url, "answers": True}]
    assert found["problems"] == []


def test_health_says_which_server_does_not_answer(influxd: Influxd, end: int, tmp_path: Path) -> None:
    urls = [influxd.url, "http://127.0.0.1:9"]
    with ApiServer(
        Settings(api_auth="none", influx_urls=urls, spool_directory=str(tmp_path / "spool"))
    ) as server:
        found = Page(server.url, end).get("/page/health").json()
    assert [one["answers"] for one in found["servers"]] == [True, False]
    assert found["newest"]


# --- who gets it


@pytest.mark.parametrize(
    "path", ["/page/lines", "/page/caches", "/page/deliveryservices", "/page/days?days=1", "/page/health"]
)
def test_figures_are_for_who_has_a_session(guarded: Page, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code == 401
    assert answer.json()["alerts"][0]["text"] == "unauthorized, please log in."


def test_the_page_itself_is_for_everybody(guarded: Page) -> None:
    assert "<h1" not in guarded.get("/").text
    assert guarded.get("/page/start").json() == {"auth": "trafficOps"}
    assert guarded.get("/page/nothing.js").status_code == 404
    assert guarded.get("/page/../page.py").status_code == 404


def test_tenancy_holds(guarded: Page, traffic_ops: Simulator) -> None:
    mine, everything = session(traffic_ops, READER), session(traffic_ops, ADMIN)
    names = [
        [one["name"] for one in guarded.get("/page/deliveryservices", who).json()["deliveryservices"]]
        for who in (mine, everything)
    ]
    assert names == [["cdn1-live-01"], ["cdn1-live-01", "cdn1-vod-02"]]
    assert guarded.lines("deliveryservice_kbps_by_group", "cdn1-live-01", mine)["lines"]
    span = {"start": guarded.end - MINUTE, "end": guarded.end, "interval": "1m"}
    for chart, of in (("deliveryservice_kbps_by_group", "cdn1-vod-02"), ("cdn_bandwidth_by_type", "other")):
        answer = guarded.get("/page/lines", mine, chart=chart, of=of, **span)
        assert answer.status_code == 404, answer.text


def test_addresses_of_servers_are_for_who_may_write(guarded: Page, traffic_ops: Simulator) -> None:
    [shown] = guarded.get("/page/health", session(traffic_ops, READER)).json()["servers"]
    assert shown == {"name": "InfluxDB 1", "answers": True}
    [shown] = guarded.get("/page/health", session(traffic_ops, ADMIN)).json()["servers"]
    assert shown["name"].startswith("http://127.0.0.1:")
