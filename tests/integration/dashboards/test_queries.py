"""Every InfluxQL query of every dashboard returns points when sent to a real InfluxDB as Grafana would."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import days, rollups
from tests.support.dashboards import Json, PanelTarget, dashboards, filled, panels, pattern, targets
from tests.support.influxd import Influxd
from tests.support.rollups import Raw
from tstats.catalog import DATABASES, DELIVERYSERVICE_STATS, ROLLUPS
from tstats.core.time import DAY, HOUR, MINUTE, parse_duration
from tstats.core.windows import Window
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import identifier, select_rollup

DASHBOARDS = dashboards()
WITH_SOURCES = [
    uid for uid, dashboard in DASHBOARDS.items() if any(target.source for target in targets(uid, dashboard))
]
EVERYTHING = ".*"
HOLE = 2  # the minute of the traffic in which nothing was collected

Series = Mapping[frozenset[tuple[str, str]], list[tuple[int, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A server with a week of a small CDN, as Grafana sees it.

    Attributes:
        influx: the server.
        now: the end of the time range that people look at, in ns; the traffic ends there.
    """

    influx: Influx
    now: int

    def series(self, query: str, database: str) -> Series:
        """Return the values that are not null, by the tags of their series."""
        return {
            frozenset(series.tags.items()): [(row[0], row[1]) for row in series.values if row[1] is not None]
            for series in self.influx.query(query, database=database)
        }

    def range_of(self, panel: Json, dashboard: Json) -> tuple[int, int]:
        """Return the first and last moment of what a panel shows when its dashboard is opened."""
        since: str = panel.get("timeFrom") or dashboard["time"]["from"].removeprefix("now-")
        start = self.now // DAY * DAY if since == "now/d" else self.now - parse_duration(since)
        back = int((panel.get("timeShift") or "0d").removesuffix("d")) * DAY
        return start - back, self.now - back

    def variables(self, dashboard: Json, *, everything: bool) -> dict[str, str]:
        """Return the pattern of each variable: all of its values by name, or what stands for All."""
        found: dict[str, str] = {}
        for variable in dashboard["templating"]["list"]:
            query = filled(variable["query"], start=0, end=self.now, interval="1m", variables=found)
            values = [
                row["value"]
                for series in self.influx.query(query, database=database_of(variable))
                for row in series.rows()
            ]
            assert values, f"{variable['name']} has no values: {query}"
            found[variable["name"]] = variable["allValue"] if everything else pattern(values)
        return found


def database_of(variable: Json) -> str:
    uid = variable["datasource"]["uid"]
    return next(database.name for database in DATABASES if uid == f"tstats-{database.name.replace('_', '-')}")


def _end_of_traffic() -> int:
    """Return a whole minute a little while ago, with at least half an hour of its day (UTC) before it."""
    now = int(datetime.now(UTC).timestamp()) * 10**9 // MINUTE * MINUTE - 6 * MINUTE
    return now if now % DAY > HOUR // 2 else now // DAY * DAY - MINUTE


def _raw(window: Window) -> list[Raw]:
    """Return ten minutes of all stats with one minute missing; delivery services have lines by type, too."""
    by_type = [
        Raw(
            database=DELIVERYSERVICE_STATS,
            line="kbps,cachegroup=all,cdn=cdn1,deliveryservice=sports,type=EDGE",
            time=moment,
            value=1_000_000,
        )
        for moment in range(window.start, window.end, MINUTE)
    ]
    missing = window.start + HOLE * MINUTE
    return [
        point
        for point in [*rollups.raw_points(window), *by_type]
        if not missing <= point.time < missing + MINUTE
    ]


@pytest.fixture(scope="module")
def server(influxd: Influxd) -> Iterator[Filled]:
    """Provide ten minutes of traffic with rollups, and two earlier days with summaries."""
    influx = Influx(Endpoint(url=influxd.url))
    for database in DATABASES:
        influx.query(f"DROP DATABASE {identifier(database.name)}")
    rollups.make_databases(influx)
    now = _end_of_traffic()
    window = Window(start=now - 10 * MINUTE, end=now)
    rollups.live(influx, window, _raw(window))
    today = datetime.fromtimestamp(now // 10**9, UTC).date()
    for cdn in ("cdn1", "cdn2"):
        for back in (1, 7):
            days.write_day(influx, cdn, day=today - timedelta(days=back))
    summarized = days.summarizer(influx)
    report = summarized.run(now)
    assert report.ok
    summarized.close()
    midnight = now // DAY * DAY
    for rollup in ROLLUPS:
        if rollup.interval == DAY:
            influx.query(select_rollup(rollup, start=midnight, end=midnight + DAY))
    yield Filled(influx=influx, now=now)
    influx.close()


def results(server: Filled, uid: str, *, everything: bool) -> list[tuple[PanelTarget, Series]]:
    """Return what InfluxDB answers to each query of a dashboard."""
    dashboard = DASHBOARDS[uid]
    variables = server.variables(dashboard, everything=everything)
    found: list[tuple[PanelTarget, Series]] = []
    for target in targets(uid, dashboard):
        if target.source is None or target.source.type != "influxdb":
            continue
        start, end = server.range_of(target.panel, dashboard)
        query = filled(target.json["query"], start=start, end=end, interval="1m", variables=variables)
        found.append((target, server.series(query, target.source.database)))
    return found


@pytest.mark.parametrize("everything", [False, True], ids=["each value chosen", "All chosen"])
@pytest.mark.parametrize("uid", WITH_SOURCES)
def test_every_query_of_every_panel_returns_points(server: Filled, uid: str, *, everything: bool) -> None:
    found = results(server, uid, everything=everything)
    assert found
    without = [str(target) for target, series in found if not series or not all(series.values())]
    assert without == []


@pytest.mark.parametrize("uid", WITH_SOURCES)
def test_arithmetic_finds_a_partner_for_each_series(server: Filled, uid: str) -> None:
    found = results(server, uid, everything=True)
    for panel in panels(DASHBOARDS[uid]):
        letters: dict[str, Series] = {
            target.json["refId"]: series for target, series in found if target.panel["id"] == panel["id"]
        }
        for target in panel["targets"]:
            if target["datasource"]["uid"] != "__expr__":
                continue
            operands = [letters[letter] for letter in "ABC" if f"${letter}" in target["expression"]]
            assert len({frozenset(series) for series in operands}) == 1, panel["title"]
            tag = panel["fieldConfig"]["defaults"]["displayName"].removeprefix("${__field.labels.")[:-1]
            for tags in operands[0]:
                moments = [{time for time, _ in series[tags]} for series in operands]
                assert set.intersection(*moments), panel["title"]
                assert dict(tags)[tag], panel["title"]


def only(server: Filled, uid: str, title: str, letter: str = "A", **chosen: str) -> Series:
    """Return the result of a single query, with some variables chosen and All for the others."""
    dashboard = DASHBOARDS[uid]
    target = next(
        target
        for target in targets(uid, dashboard)
        if target.panel["title"] == title and target.json["refId"] == letter
    )
    assert target.source is not None
    variables = {variable["name"]: EVERYTHING for variable in dashboard["templating"]["list"]} | {
        tag: pattern([value]) for tag, value in chosen.items()
    }
    start, end = server.range_of(target.panel, dashboard)
    query = filled(target.json["query"], start=start, end=end, interval="1m", variables=variables)
    return server.series(query, target.source.database)


def of(series: Series, tag: str) -> set[str]:
    return {dict(tags)[tag] for tags in series}


def test_a_chosen_value_narrows_the_result(server: Filled) -> None:
    assert of(only(server, "tstats-cdn", "Bandwidth by CDN"), "cdn") == {"cdn1", "cdn2"}
    assert of(only(server, "tstats-cdn", "Bandwidth by CDN", cdn="cdn2"), "cdn") == {"cdn2"}
    edge = only(server, "tstats-server", "Bandwidth", hostname="edge-2")
    assert of(edge, "hostname") == {"edge-2"}
    spaced = only(server, "tstats-cache-group", "Bandwidth by cache group", cachegroup="g 9")
    assert of(spaced, "cachegroup") == {"g 9"}


def test_a_value_is_taken_literally(server: Filled) -> None:
    assert only(server, "tstats-server", "Bandwidth", hostname="edge.2") == {}


def test_a_cache_group_is_the_sum_of_its_caches_at_any_width(server: Filled) -> None:
    wide = only(server, "tstats-cache-group", "Bandwidth by cache group", cachegroup="g1")
    caches = only(server, "tstats-cache-group", "Bandwidth by server", cachegroup="g1")
    assert of(caches, "hostname") == {"edge-1", "mid-1"}
    by_minute: dict[int, float] = {}
    for points in caches.values():
        for time, value in points:
            by_minute[time] = by_minute.get(time, 0.0) + value
    assert dict(next(iter(wide.values()))) == by_minute


def test_the_lines_by_type_do_not_appear_as_a_cache_group(server: Filled) -> None:
    """A delivery service's traffic by cache type is stored beside that by cache group, as group `all`."""
    groups = only(server, "tstats-delivery-service", "Bandwidth by cache group", deliveryservice="sports")
    assert of(groups, "cachegroup") == {"g1"}
    services = only(server, "tstats-cache-group", "Bandwidth by delivery service")
    assert max(value for points in services.values() for _, value in points) < 1_000_000


def test_status_classes_of_several_delivery_services_are_added(server: Filled) -> None:
    both = only(server, "tstats-delivery-service", "Transactions by status class")
    parts = [
        only(server, "tstats-delivery-service", "Transactions by status class", deliveryservice=service)
        for service in ("sports", "news")
    ]
    totals = [sum(value for points in series.values() for _, value in points) for series in (both, *parts)]
    assert totals[0] == totals[1] + totals[2]


def rollup_panel(server: Filled, kind: str, interval: str) -> list[list[tuple[int, float]]]:
    """Return what a panel of the health dashboard draws of each rollup, over the ten minutes of traffic."""
    found = []
    for target in targets("tstats-itself", DASHBOARDS["tstats-itself"]):
        if target.panel["type"] != kind or target.source is None or not target.source.database:
            continue
        start, end = server.now - 10 * MINUTE, server.now - MINUTE
        query = filled(target.json["query"], start=start, end=end, interval=interval, variables={})
        (points,) = server.series(query, target.source.database).values()
        found.append(points)
    assert len(found) == sum(rollup.interval == MINUTE for rollup in ROLLUPS)
    return found


def test_a_minute_without_points_is_a_hole_in_each_rollup(server: Filled) -> None:
    hole = server.now - (10 - HOLE) * MINUTE
    for points in rollup_panel(server, "state-timeline", "1m"):
        assert len(points) == 10
        assert [time for time, series in points if series == 0] == [hole]


def test_a_hole_still_shows_when_zoomed_out(server: Filled) -> None:
    for points in rollup_panel(server, "state-timeline", "1h"):
        assert min(series for _, series in points) == 0


def test_missing_minutes_are_counted(server: Filled) -> None:
    for points in rollup_panel(server, "bargauge", "1m"):
        assert [minutes for _, minutes in points] == [1]


def test_the_days_are_those_of_the_summaries(server: Filled) -> None:
    served = only(server, "tstats-daily", "Served each day", cdn="cdn1")
    midnight = server.now // DAY * DAY
    assert list(served.values()) == [[(midnight - 7 * DAY, days.FLAT_TB), (midnight - DAY, days.FLAT_TB)]]
    highest = only(server, "tstats-daily", "Highest minute of each day", cdn="cdn1")
    assert [value for _, value in next(iter(highest.values()))] == [1.0, 1.0]


def test_the_panel_of_last_week_is_moved_by_seven_days(server: Filled) -> None:
    panel = next(panel for panel in panels(DASHBOARDS["tstats-cdn"]) if panel.get("timeShift"))
    start, end = server.range_of(panel, DASHBOARDS["tstats-cdn"])
    assert (start % DAY, server.now - end) == (0, 7 * DAY)
    last_week = only(server, "tstats-cdn", panel["title"], cdn="cdn1")
    (points,) = last_week.values()
    assert {value for _, value in points} == {1_000_000.0}
    assert [time for time, _ in points] == list(range(start, end + 1, MINUTE))
