"""Every question of every dashboard, put to a real InfluxDB as Grafana would, gets points."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import days, rollups
from tests.support.dashboards import Asked, Json, asked, boards, filled, panels, pattern
from tests.support.influxd import Influxd
from tests.support.rollups import Raw
from tstats.catalog import DATABASES, DELIVERYSERVICE_STATS, ROLLUPS
from tstats.core.time import DAY, HOUR, MINUTE, parse_duration
from tstats.core.windows import Window
from tstats.influx.client import Endpoint, Influx
from tstats.influx.influxql import identifier, select_rollup

BOARDS = boards()
INFLUX_BOARDS = [uid for uid, board in BOARDS.items() if any(one.source for one in asked(uid, board))]
EVERYTHING = ".*"
HOLE = 2  # the minute of the traffic in which nothing was collected

Series = Mapping[frozenset[tuple[str, str]], list[tuple[int, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A server that holds a week of a small CDN, as a Grafana sees it.

    Attributes:
        influx: the server.
        now: the end of the range that people look at, in ns; traffic ended there.
    """

    influx: Influx
    now: int

    def series(self, query: str, database: str) -> Series:
        """The values that there are, by the tags of their series."""
        return {
            frozenset(series.tags.items()): [(row[0], row[1]) for row in series.values if row[1] is not None]
            for series in self.influx.query(query, database=database)
        }

    def range_of(self, panel: Json, board: Json) -> tuple[int, int]:
        """First and last moment of what a panel shows when its dashboard is opened."""
        since: str = panel.get("timeFrom") or board["time"]["from"].removeprefix("now-")
        start = self.now // DAY * DAY if since == "now/d" else self.now - parse_duration(since)
        back = int((panel.get("timeShift") or "0d").removesuffix("d")) * DAY
        return start - back, self.now - back

    def variables(self, board: Json, *, everything: bool) -> dict[str, str]:
        """The pattern of each variable: all of its values by name, or what stands for All."""
        found: dict[str, str] = {}
        for variable in board["templating"]["list"]:
            query = filled(variable["query"], start=0, end=self.now, interval="1m", variables=found)
            values = [
                row["value"]
                for series in self.influx.query(query, database=database_of(variable))
                for row in series.rows()
            ]
            assert values, f"{variable['name']} has no values: {query}"
            found[variable["name"]] = variable["allValue"] if everything else pattern(values)
        return found


def database_of(one: Json) -> str:
    uid = one["datasource"]["uid"]
    return next(database.name for database in DATABASES if uid == f"tstats-{database.name.replace('_', '-')}")


def _end_of_traffic() -> int:
    """A whole minute a little while ago, with half an hour of its day (UTC) before it."""
    now = int(datetime.now(UTC).timestamp()) * 10**9 // MINUTE * MINUTE - 6 * MINUTE
    return now if now % DAY > HOUR // 2 else now // DAY * DAY - MINUTE


def _raw(window: Window) -> list[Raw]:
    """Ten minutes of all stats, without one minute; delivery services have the lines by type, too."""
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
    """Ten minutes of traffic rolled up, the days before it summarized, and a day of the week before."""
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


def answers(server: Filled, board: Json, uid: str, *, everything: bool) -> dict[str, tuple[Asked, Series]]:
    """What InfluxDB answers to each question of a dashboard, by panel and letter."""
    variables = server.variables(board, everything=everything)
    found: dict[str, tuple[Asked, Series]] = {}
    for one in asked(uid, board):
        if one.source is None or one.source.type != "influxdb":
            continue
        start, end = server.range_of(one.panel, board)
        query = filled(one.target["query"], start=start, end=end, interval="1m", variables=variables)
        found[str(one)] = one, server.series(query, one.source.database)
    return found


@pytest.mark.parametrize("everything", [False, True], ids=["each value chosen", "All chosen"])
@pytest.mark.parametrize("uid", INFLUX_BOARDS)
def test_every_question_of_every_panel_gets_points(server: Filled, uid: str, *, everything: bool) -> None:
    found = answers(server, BOARDS[uid], uid, everything=everything)
    assert found
    without = [
        name
        for name, (_, series) in found.items()
        if not series or not all(map(list.__len__, series.values()))
    ]
    assert without == []


@pytest.mark.parametrize("uid", INFLUX_BOARDS)
def test_arithmetic_finds_a_partner_for_each_series(server: Filled, uid: str) -> None:
    found = answers(server, BOARDS[uid], uid, everything=True)
    for panel in panels(BOARDS[uid]):
        letters: dict[str, Series] = {
            one.target["refId"]: series for one, series in found.values() if one.panel["id"] == panel["id"]
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
    """The answer to one question, with some variables chosen and All for the others."""
    board = BOARDS[uid]
    one = next(
        one for one in asked(uid, board) if one.panel["title"] == title and one.target["refId"] == letter
    )
    assert one.source is not None
    variables = {variable["name"]: EVERYTHING for variable in board["templating"]["list"]} | {
        tag: pattern([value]) for tag, value in chosen.items()
    }
    start, end = server.range_of(one.panel, board)
    query = filled(one.target["query"], start=start, end=end, interval="1m", variables=variables)
    return server.series(query, one.source.database)


def of(series: Series, tag: str) -> set[str]:
    return {dict(tags)[tag] for tags in series}


def test_a_choice_narrows_what_is_drawn(server: Filled) -> None:
    assert of(only(server, "tstats-cdn", "Bandwidth by CDN"), "cdn") == {"cdn1", "cdn2"}
    assert of(only(server, "tstats-cdn", "Bandwidth by CDN", cdn="cdn2"), "cdn") == {"cdn2"}
    one = only(server, "tstats-server", "Bandwidth", hostname="edge-2")
    assert of(one, "hostname") == {"edge-2"}
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


def test_the_lines_by_type_are_no_cache_group(server: Filled) -> None:
    """A delivery service's traffic by cache type stands beside that by cache group, as group `all`."""
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
    totals = [sum(value for points in one.values() for _, value in points) for one in (both, *parts)]
    assert totals[0] == totals[1] + totals[2]


def about_rollups(server: Filled, kind: str, interval: str) -> list[list[tuple[int, float]]]:
    """What a panel of tstats itself draws of each rollup, over the ten minutes of traffic."""
    found = []
    for one in asked("tstats-itself", BOARDS["tstats-itself"]):
        if one.panel["type"] != kind or one.source is None or not one.source.database:
            continue
        start, end = server.now - 10 * MINUTE, server.now - MINUTE
        query = filled(one.target["query"], start=start, end=end, interval=interval, variables={})
        (points,) = server.series(query, one.source.database).values()
        found.append(points)
    assert len(found) == sum(rollup.interval == MINUTE for rollup in ROLLUPS)
    return found


def test_a_minute_without_points_is_a_hole_in_each_rollup(server: Filled) -> None:
    hole = server.now - (10 - HOLE) * MINUTE
    for points in about_rollups(server, "state-timeline", "1m"):
        assert len(points) == 10
        assert [time for time, series in points if series == 0] == [hole]


def test_zoomed_out_a_hole_still_shows(server: Filled) -> None:
    for points in about_rollups(server, "state-timeline", "1h"):
        assert min(series for _, series in points) == 0


def test_missing_minutes_are_counted(server: Filled) -> None:
    for points in about_rollups(server, "bargauge", "1m"):
        assert [minutes for _, minutes in points] == [1]


def test_the_days_are_those_of_the_summaries(server: Filled) -> None:
    served = only(server, "tstats-daily", "Served each day", cdn="cdn1")
    midnight = server.now // DAY * DAY
    assert list(served.values()) == [[(midnight - 7 * DAY, days.FLAT_TB), (midnight - DAY, days.FLAT_TB)]]
    highest = only(server, "tstats-daily", "Highest minute of each day", cdn="cdn1")
    assert [value for _, value in next(iter(highest.values()))] == [1.0, 1.0]


def test_last_week_is_seven_days_before(server: Filled) -> None:
    panel = next(one for one in panels(BOARDS["tstats-cdn"]) if one.get("timeShift"))
    start, end = server.range_of(panel, BOARDS["tstats-cdn"])
    assert (start % DAY, server.now - end) == (0, 7 * DAY)
    last_week = only(server, "tstats-cdn", panel["title"], cdn="cdn1")
    (points,) = last_week.values()
    assert {value for _, value in points} == {1_000_000.0}
    assert [time for time, _ in points] == list(range(start, end + 1, MINUTE))
