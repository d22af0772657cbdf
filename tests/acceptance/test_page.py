"""The page in a browser: what it shows and does, and which hosts it talks to."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from tests.support.api_server import ApiServer
from tests.support.browser import Browser, hosts
from tests.support.cdn_traffic import WEEK, Traffic, caches
from tests.support.emptied import emptied
from tests.support.influxd import Influxd
from tests.support.rollups import make_databases
from tests.support.waiting import wait_for
from tstats.api.access.token_file import TokenFile
from tstats.api.page import files as page_files
from tstats.config.settings import Settings
from tstats.core.time import DAY, MINUTE

SERVICES = {"live-sports": ("web", 0.6), "shop": ("web", 0.4), "vod": ("video", 1.0)}
VIEWS = {
    "": "All CDNs",
    "?name=web": "CDN web",
    "?view=deliveryservice": "live-sports",
    "?view=deliveryservice&name=live-sports": "Transactions by status",
    "?view=cachegroup": "berlin",
    "?view=cachegroup&name=berlin": "edge-berlin-02",
    "?view=server": "mid-zurich-01",
    "?view=server&name=edge-berlin-01": "Wrap count",
    "?view=days": "Highest minute",
    "?view=health": "tps_total.ds.1min",
}
WIDE, PHONE = (1280, 900), (360, 740)
CHART = "[data-chart='Bandwidth'] "


@pytest.fixture(scope="module")
def influxd_url(influxd: Influxd) -> str:
    """An influxd with an hour and a half of traffic until now, and the same a week before."""
    influx = emptied(influxd)
    make_databases(influx)
    now = int(datetime.now(UTC).timestamp()) * 10**9 // MINUTE * MINUTE
    start = now - 90 * MINUTE
    traffic = Traffic(
        caches(("berlin", "hamburg", "zurich"), each=2),
        SERVICES,
        silent="edge-hamburg-02",
        silent_since=now - 30 * MINUTE,
        failing="shop",
    )
    traffic.write(influx, range(start - WEEK, now - WEEK, MINUTE), details=False)
    traffic.write(influx, range(start, now, MINUTE), details=True)
    traffic.write_now(influx, now)
    traffic.write_days(influx, now // DAY * DAY, 5)
    influx.close()
    return influxd.url


@pytest.fixture(scope="module")
def api(influxd_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an API without authentication."""
    spool = str(tmp_path_factory.mktemp("page") / "spool")
    with ApiServer(Settings(api_auth="none", influx_urls=[influxd_url], spool_directory=spool)) as server:
        yield server.url


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium") / "profile") as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """A wide window of a first-time visitor with a light color scheme."""
    chromium.driver.get("about:blank")
    chromium.window(*WIDE)
    chromium.scheme("light")
    chromium.complaints()
    chromium.requested()
    return chromium


def pixels(browser: Browser, line: int) -> int:
    """Return the number of pixels of the first chart that have exactly the color of a line."""
    script = """
        const canvas = document.querySelector("[data-chart='Bandwidth'] canvas");
        const style = getComputedStyle(document.documentElement);
        const wanted = style.getPropertyValue(`--line-${arguments[0]}`).trim();
        const [r, g, b] = [1, 3, 5].map((at) => parseInt(wanted.slice(at, at + 2), 16));
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let found = 0;
        for (let at = 0; at < data.length; at += 4)
            if (data[at] === r && data[at + 1] === g && data[at + 2] === b && data[at + 3] === 255)
                found += 1;
        return found;
    """
    return int(browser.run(script, line))


def intervals(requested: list[str]) -> set[str]:
    """Return the intervals of the requested statistics."""
    return {found[1] for url in requested if (found := re.search(r"[?&]interval=(\w+)", url))}


# --- views


def test_it_draws_what_the_api_returns(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?range=1h")
    assert pixels(browser, 0) > 200  # now
    assert pixels(browser, 1) > 100  # a week before
    current = requests.get(f"{api}/api/5.0/current_stats", timeout=20).json()["response"]["currentStats"]
    gbps = {row["cdn"]: row["bandwidth"] for row in current}
    for cdn in ("web", "video"):
        shown = re.search(rf"{cdn}\s([0-9.]+) Gbps", browser.text("[data-chart='Bandwidth by CDN'] .legend"))
        assert shown
        assert float(shown[1]) == pytest.approx(gbps[cdn], rel=0.01)


def test_it_shows_what_needs_attention(browser: Browser, api: str) -> None:
    browser.open(f"{api}/")
    text = browser.text()
    assert "1 of 9 caches report no points" in text
    assert re.search(r"edge-hamburg-02 for \d+ min", text)
    assert re.search(r"Delivery services with more than 1 % of 5xx\nshop 3.1 %", text)


def test_every_view_has_data_no_errors_and_uses_no_other_host(browser: Browser, api: str) -> None:
    for address, expected in VIEWS.items():
        browser.open(f"{api}/{address}")
        text = browser.text()
        assert expected in text, address
        assert "No points in this range" not in text, address
    assert browser.complaints() == []
    requested = browser.requested()
    assert len(requested) > 50
    assert hosts(requested) == {api.removeprefix("http://")}


def test_links_lead_to_details_in_the_same_range(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?view=cachegroup&range=1h")
    browser.driver.find_element("link text", "berlin").click()
    wait_for(lambda: "Bandwidth by server" in browser.text(), "the cache group")
    browser.settled()
    browser.driver.find_element("link text", "edge-berlin-01").click()
    wait_for(lambda: "Wrap count" in browser.text(), "the server")
    assert "view=server" in browser.driver.current_url
    assert "range=1h" in browser.driver.current_url
    browser.driver.back()
    wait_for(lambda: browser.text("h1") == "Cache group berlin", "the cache group again")


def test_the_search_is_in_the_address(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?view=server&q=zurich")
    assert "mid-zurich-01" in browser.text("table")
    assert "berlin" not in browser.text("table")
    browser.open(f"{api}/?view=deliveryservice")
    browser.find("#like").send_keys("vo")
    wait_for(lambda: "live-sports" not in browser.text(), "the matching ones")
    assert "vod" in browser.text("table")
    assert browser.driver.current_url.endswith("q=vo")


def test_old_values_are_marked(browser: Browser, api: str) -> None:
    browser.open(f"{api}/")
    assert "out of date" not in browser.text(".tiles")
    script = """
        const [values, fixed, done] = arguments;
        const times = values.map((_, at) => 1200 - 60 * (values.length - at));
        const span = {start: 0, end: 1200, interval: 60, times, fixed};
        import("./page/comparison.js").then((module) => done(module.silence(values, span)));
    """

    def silence(values: list[int | None], *, fixed: bool = False) -> int:
        return int(browser.driver.execute_async_script(script, values, fixed))

    assert silence([1, 2, 3]) == 0
    assert silence([1, 2, None, None]) == 0  # the newest minutes are not rolled up yet
    assert silence([1, *[None] * 7]) == 420
    assert silence([None] * 20) == 1200
    assert silence([None] * 20, fixed=True) == 0


def test_an_invalid_address_means_the_defaults(browser: Browser, api: str) -> None:
    nonsense = "range=9y&interval=1s&refresh=-1&from=x&to=2020-01-01T00:00Z&view=elsewhere&days=no"
    browser.open(f"{api}/?{nonsense}")
    assert browser.text("h1") == "All CDNs"
    assert "(6 h)" in browser.text("#span")
    assert browser.complaints() == []


def test_the_legend_hides_and_shows_a_line(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?range=1h")
    browser.find(f"{CHART}.legend button").click()
    assert browser.find(f"{CHART}.legend button").get_attribute("aria-pressed") == "false"
    wait_for(lambda: pixels(browser, 0) == 0, "the line to disappear")
    browser.find(f"{CHART}.legend button").click()
    wait_for(lambda: pixels(browser, 0) > 200, "the line to reappear")


# --- zoom and refresh


def test_a_zoom_uses_a_finer_interval_and_can_be_undone(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?range=24h&refresh=0")
    assert intervals(browser.requested()) == {"5m"}
    over = browser.find(f"{CHART}.u-over")
    width = over.size["width"]
    drag = ActionChains(browser.driver).move_to_element_with_offset(over, width // 4, 0)
    drag.click_and_hold().move_by_offset(width // 5, 0).release().perform()
    wait_for(lambda: "from=" in browser.driver.current_url, "the range of the zoom")
    browser.settled()
    assert intervals(browser.requested()) == {"1m"}
    assert browser.find("#unzoom").is_displayed()
    browser.find("#unzoom").click()
    wait_for(lambda: "from=" not in browser.driver.current_url, "the original range")
    browser.settled()
    assert intervals(browser.requested()) == {"5m"}


def test_buttons_zoom_without_dragging(browser: Browser, api: str) -> None:
    browser.window(*PHONE)
    browser.open(f"{api}/?range=24h&refresh=0")
    browser.find("#closer").click()
    wait_for(lambda: "(12 h)" in browser.text("#span"), "half of the range")
    browser.find("#wider").click()
    wait_for(lambda: "(24 h)" in browser.text("#span"), "the whole range")


def test_it_refreshes_itself(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?refresh=1")
    browser.requested()
    wait_for(lambda: any("current_stats" in url for url in browser.requested()), "the refresh")


def test_the_data_stay_when_the_server_goes_down(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?range=1h&refresh=0")
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        Select(browser.find("#interval")).select_by_value("5m")
        wait_for(lambda: "does not answer" in browser.text("#notice"), "the notice")
        assert "may be out of date" in browser.text("#notice")
        assert pixels(browser, 0) > 200
    finally:
        browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
    Select(browser.find("#interval")).select_by_value("")
    wait_for(lambda: not browser.find("#notice").is_displayed(), "the notice to disappear")


# --- keyboard, phones, colors


def test_the_keyboard_is_enough(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?range=6h&refresh=0")
    keys = ActionChains(browser.driver)
    keys.send_keys(Keys.TAB).perform()
    assert browser.driver.switch_to.active_element.text == "Skip to the data"
    for _ in range(40):
        keys.send_keys(Keys.TAB).perform()
        if browser.run("return document.activeElement.matches('.plot')"):
            break
    keys.send_keys(Keys.ARROW_LEFT * 3).perform()
    tooltip = f"{CHART}.tooltip"
    wait_for(lambda: browser.find(tooltip).is_displayed(), "the values at the cursor")
    assert re.search(r"\d\d:\d\d UTC\s.*now\s[0-9.]+ Gbps", browser.text(tooltip), re.DOTALL)
    keys.send_keys("+").perform()
    wait_for(lambda: "(3 h)" in browser.text("#span"), "the zoom")
    browser.settled()
    keys.send_keys("-").perform()
    wait_for(lambda: "(6 h)" in browser.text("#span"), "the original range")


def test_every_focusable_element_has_a_name(browser: Browser, api: str) -> None:
    script = """
        return [...document.querySelectorAll("a, button, input, select, [tabindex='0']")]
            .filter((element) => !(element.ariaLabel || element.innerText?.trim() || element.labels?.length))
            .map((element) => element.outerHTML)
    """
    for address in ("", "?view=server", "?view=deliveryservice", "?view=days"):
        browser.open(f"{api}/{address}")
        assert browser.run(script) == []
        assert browser.run("return document.querySelectorAll('h1').length") == 1


def test_nothing_is_wider_than_the_screen_of_a_phone(browser: Browser, api: str) -> None:
    browser.window(*PHONE)
    for address in VIEWS:
        browser.open(f"{api}/{address}")
        assert browser.run("return document.documentElement.scrollWidth") <= PHONE[0], address


def test_it_is_dark_if_the_system_is_or_the_user_wants_it(browser: Browser, api: str) -> None:
    def background() -> str:
        return str(browser.run("return getComputedStyle(document.body).backgroundColor"))

    browser.open(f"{api}/")
    light = background()
    browser.scheme("dark")
    wait_for(lambda: background() != light, "the dark colors of the system")
    dark = background()
    wait_for(lambda: pixels(browser, 0) > 100, "the lines in their dark colors")
    browser.find("#theme").click()
    assert background() == light
    browser.open(f"{api}/")
    assert background() == light
    browser.find("#theme").click()
    assert background() == dark
    assert browser.run("return localStorage.length") == 0  # it follows the system again


# --- missing data


def test_it_says_if_there_are_no_points(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?view=server&name=edge-berlin-01&from=2020-01-01T00:00Z&to=2020-01-01T06:00Z")
    assert browser.text().count("No points in this range.") == 3
    assert browser.complaints() == []


def test_names_are_never_parsed_as_html(browser: Browser, api: str) -> None:
    name = "<img src=x onerror=alert(1)>' OR 1=1; --"
    browser.open(f"{api}/?view=server&name={quote(name)}")
    assert browser.text("h1") == f"Server {name}"
    assert "No points in this range." in browser.text()
    assert browser.complaints() == []


def test_it_shows_the_error_of_the_server(browser: Browser, api: str) -> None:
    browser.open(f"{api}/?view=deliveryservice&name=nobody&refresh=0")
    wait_for(lambda: "No such Delivery Service: nobody" in browser.text("#notice"), "the error")


def test_everything_but_the_charts_works_without_uplot(
    browser: Browser, influxd_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_files, "uplot_folder", lambda: None)
    settings = Settings(api_auth="none", influx_urls=[influxd_url], spool_directory=str(tmp_path / "spool"))
    with ApiServer(settings) as server:
        browser.open(f"{server.url}/")
        assert "Charts need uPlot: pip install 'tstats[page]'" in browser.text()
        assert "1 of 9 caches report no points" in browser.text()
        assert browser.complaints() == []
        browser.driver.get("about:blank")


# --- authentication


def test_a_token_is_kept_in_the_tab(browser: Browser, influxd_url: str, tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "tokens.json")
    good = tokens.create("me", write=False, expires=datetime.now(UTC) + timedelta(hours=1)).reveal()
    settings = Settings(
        api_auth="tokens",
        api_tokens_file=str(tokens.path),
        influx_urls=[influxd_url],
        spool_directory=str(tmp_path / "spool"),
    )
    with ApiServer(settings) as server:
        browser.open(f"{server.url}/?range=1h")
        assert "A token is required" in browser.text()
        assert browser.find("#token").get_attribute("type") == "password"
        browser.find("#token").send_keys("tst_wrong\n")
        wait_for(lambda: "was not accepted" in browser.text(), "the refusal")
        browser.find("#token").send_keys(f"{good}\n")
        wait_for(lambda: "Needs attention" in browser.text(), "the data")
        browser.settled()
        assert pixels(browser, 0) > 200
        assert good not in browser.driver.current_url
        assert browser.run("return [localStorage.length, document.cookie]") == [0, ""]
        assert not any(good in url for url in browser.requested())
        browser.driver.refresh()
        wait_for(lambda: "Needs attention" in browser.text(), "the data again")
        browser.settled()
        tokens.revoke("me")
        Select(browser.find("#interval")).select_by_value("5m")
        wait_for(lambda: "was not accepted" in browser.text(), "the end of the token")
        browser.driver.get("about:blank")


def test_without_a_session_of_traffic_ops_it_says_where_to_log_in(
    browser: Browser, influxd_url: str, tmp_path: Path
) -> None:
    settings = Settings(
        to_url="http://127.0.0.1:9", influx_urls=[influxd_url], spool_directory=str(tmp_path / "spool")
    )
    with ApiServer(settings) as server:
        browser.open(f"{server.url}/")
        assert "Log in to Traffic Ops" in browser.text()
        assert "Gbps" not in browser.text()
        browser.driver.get("about:blank")
