"""The dashboards are whole: drawn from the catalog, told apart, explained, and linked to each other."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.support.dashboards import SOURCES, Json, asked, boards, panels
from tstats.catalog import DAILY_SUMMARIES, DATABASES, ROLLUPS
from tstats.collect.metrics import CollectorMetrics
from tstats.dashboards.boards.all_boards import texts
from tstats.dashboards.links import parameters
from tstats.dashboards.panels import Unit
from tstats.influx.influxql import identifier

BOARDS = boards()
EVERY_PANEL = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, board in BOARDS.items()
    for panel in panels(board)
]
EVERY_QUESTION = [one for uid, board in BOARDS.items() for one in asked(uid, board)]
INFLUX = [one for one in EVERY_QUESTION if one.source is not None and one.source.type == "influxdb"]
PROMETHEUS = [one for one in EVERY_QUESTION if one.source is not None and one.source.type == "prometheus"]


def test_the_questions_are_those_of_the_golden_file(*, golden: Path, update_golden: bool) -> None:
    file = golden / "dashboards.txt"
    lines: list[str] = []
    for uid, board in BOARDS.items():
        lines += [f"{uid}: {board['title']}"]
        lines += [f"  ${variable['name']}: {variable['query']}" for variable in board["templating"]["list"]]
        for panel in panels(board):
            lines.append(f"  {panel['id']} {panel['title']} [{panel['type']}, {unit(panel)}]")
            lines += [f"    {target['refId']}: {question(target)}" for target in panel["targets"]]
    text = "\n".join(lines) + "\n"
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def question(target: Json) -> str:
    text: str = target.get("query") or target.get("expr") or target["expression"]
    return text


def unit(panel: Json) -> str:
    found: str = panel["fieldConfig"]["defaults"]["unit"]
    return found


def test_two_processes_write_the_same_texts() -> None:
    program = "from tstats.dashboards.boards.all_boards import texts; print(''.join(texts().values()))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "".join(texts().values()) + "\n"


def test_a_grafana_can_tell_them_apart() -> None:
    assert len(BOARDS) == 6
    assert all(board["uid"] == uid and len(uid) <= 40 for uid, board in BOARDS.items())
    assert max(Counter(board["title"] for board in BOARDS.values()).values()) == 1


@pytest.mark.parametrize("uid", BOARDS)
def test_a_panel_has_a_number_of_its_own(uid: str) -> None:
    numbers = [panel["id"] for panel in BOARDS[uid]["panels"]]
    assert max(Counter(numbers).values()) == 1


@pytest.mark.parametrize("uid", BOARDS)
def test_panels_fill_whole_lines_and_do_not_overlap(uid: str) -> None:
    taken = Counter(
        (x, y)
        for panel in BOARDS[uid]["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert set(taken.values()) == {1}
    rows = max(y for _, y in taken) + 1
    assert set(taken) == set(itertools.product(range(24), range(rows)))


@pytest.mark.parametrize(("uid", "panel"), EVERY_PANEL)
def test_a_panel_says_what_it_is(uid: str, panel: Json) -> None:
    del uid
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert unit(panel) in set(Unit)
    assert panel["targets"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    known = {*SOURCES, "-- Mixed --"}
    assert panel["datasource"]["uid"] in known
    assert {target["datasource"]["uid"] for target in panel["targets"]} <= {*SOURCES, "__expr__"}


@pytest.mark.parametrize(("uid", "panel"), EVERY_PANEL)
def test_a_series_has_a_name_worth_reading(uid: str, panel: Json) -> None:
    del uid
    for target in panel["targets"]:
        hidden = target.get("hide")
        named = (
            target.get("alias")
            or target.get("legendFormat")
            or panel["fieldConfig"]["defaults"]["displayName"]
        )
        assert hidden or named, target


def test_questions_use_variables_that_are_there_and_groups_by_which_they_name() -> None:
    for one in INFLUX:
        variables = {variable["name"] for variable in BOARDS[one.board]["templating"]["list"]}
        used = set(re.findall(r"/\^\$(\w+)\$/", one.target["query"]))
        assert used <= variables, one
        groups = one.target["query"].rpartition(" GROUP BY ")[2]
        for tag in re.findall(r"\$tag_(\w+)", one.target.get("alias", "")):
            assert re.search(rf"\b{tag}\b", groups), one


def test_every_rollup_of_the_catalog_is_drawn_from_its_own_database() -> None:
    drawn = {
        (one.source.database, policy, measurement)
        for one in INFLUX
        if one.source is not None
        for policy, measurement in re.findall(r'FROM (\w+)\.("[^"]+"|\w+)', one.target["query"])
    }
    rollups = {(one.database, one.target_policy, identifier(one.target)) for one in ROLLUPS}
    days = {("daily_stats", "indefinite", identifier(one.name)) for one in DAILY_SUMMARIES}
    assert drawn == rollups | days


def test_there_is_a_data_source_for_each_database() -> None:
    assert {one.database for one in SOURCES.values() if one.database} == {one.name for one in DATABASES}


def test_every_metric_is_one_that_tstats_gives() -> None:
    text = generate_latest(CollectorMetrics().registry).decode()
    given = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", text, re.MULTILINE))
    given |= {f"{name}_bucket" for name in re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE)}
    asked_for = {name for one in PROMETHEUS for name in re.findall(r"\btstats_\w+", one.target["expr"])}
    assert asked_for
    assert asked_for <= given


def test_every_label_is_one_that_its_metric_has() -> None:
    telemetry = CollectorMetrics()
    labels = {
        "tstats_polls_total": telemetry.polls,
        "tstats_dropped_batches_total": telemetry.dropped,
        "tstats_published_points_total": telemetry.published,
        "tstats_publish_seconds_bucket": telemetry.publish_seconds,
        "tstats_bad_samples_total": telemetry.bad_samples,
        "tstats_rollup_points_total": telemetry.repaired,
        "tstats_spool_oldest_age_seconds": telemetry.spool_age,
    }
    for one in PROMETHEUS:
        (metric,) = re.findall(r"\btstats_\w+", one.target["expr"])
        if metric not in labels:
            continue
        by = re.findall(r" by \(([\w, ]+)\)", one.target["expr"])
        groups = set(re.split(r", ?", by[0])) - {"le"} if by else set()
        assert groups <= set(labels[metric]._labelnames), one  # noqa: SLF001 (there is no other way to ask)
        assert set(re.findall(r"{{(\w+)}}", one.target["legendFormat"])) <= groups, one


def test_a_click_leads_to_a_dashboard_with_the_variable() -> None:
    links = [
        link["url"]
        for uid, panel in _every_panel()
        for link in panel["fieldConfig"]["defaults"].get("links", [])
    ]
    assert len(links) >= 4
    for link in links:
        found = re.fullmatch(
            r"/d/([\w-]+)/[\w-]+\?\$\{__url_time_range\}&var-(\w+)=\$\{__field\.labels\.(\w+):percentencode\}",
            link,
        )
        assert found, link
        assert found[2] == found[3]
        assert found[2] in {variable["name"] for variable in BOARDS[found[1]]["templating"]["list"]}


def _every_panel() -> list[tuple[str, Json]]:
    return [(uid, panel) for uid, board in BOARDS.items() for panel in panels(board)]


@pytest.mark.parametrize("uid", BOARDS)
def test_each_dashboard_leads_to_the_others_with_range_and_choice(uid: str) -> None:
    (link,) = BOARDS[uid]["links"]
    assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)
    assert all(set(link["tags"]) <= set(board["tags"]) for board in BOARDS.values())


@pytest.mark.parametrize("uid", BOARDS)
def test_a_link_with_a_name_at_its_end_finds_it_whatever_group_it_is_in(uid: str) -> None:
    """Only the last variable begins with one value: those before it would leave out what is asked for."""
    variables = BOARDS[uid]["templating"]["list"]
    for variable in variables[:-1]:
        assert variable["current"]["value"] == ["$__all"]


# --- what Traffic Ops is told


PARAMETERS = parameters("https://grafana.example/below/")


def test_traffic_ops_gets_all_its_parameters() -> None:
    assert list(PARAMETERS) == [
        "all_graph_url",
        "cachegroup_graph_url",
        "deliveryservice_graph_url",
        "server_graph_url",
        "visual_status_panel_1",
        "visual_status_panel_2",
        "daily_bw_url",
        "daily_served_url",
    ]
    assert all(value.startswith("https://grafana.example/below/d") for value in PARAMETERS.values())


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("cachegroup_graph_url", "cachegroup"),
        ("deliveryservice_graph_url", "deliveryservice"),
        ("server_graph_url", "hostname"),
    ],
)
def test_a_name_is_appended_to_a_variable_that_is_there(name: str, tag: str) -> None:
    found = re.fullmatch(r"https://grafana\.example/below/d/([\w-]+)/[\w-]+\?var-(\w+)=", PARAMETERS[name])
    assert found
    assert found[2] == tag
    assert tag in {variable["name"] for variable in BOARDS[found[1]]["templating"]["list"]}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("visual_status_panel_1", "Bandwidth by CDN"),
        ("visual_status_panel_2", "Connections by CDN"),
        ("daily_bw_url", "Highest minute of each day"),
        ("daily_served_url", "Served each day"),
    ],
)
def test_an_embedded_panel_is_the_right_one(name: str, title: str) -> None:
    found = re.fullmatch(
        r"https://grafana\.example/below/d-solo/([\w-]+)/[\w-]+\?panelId=(\d+)&from=\S+&to=\S+",
        PARAMETERS[name],
    )
    assert found
    (panel,) = (one for one in panels(BOARDS[found[1]]) if one["id"] == int(found[2]))
    assert panel["title"] == title


def test_the_texts_are_json_with_a_newline_at_the_end() -> None:
    for uid, text in texts().items():
        assert json.loads(text)["uid"] == uid
        assert text.endswith("}\n")
