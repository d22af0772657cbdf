"""The dashboards cover the catalog, have unique names, explain themselves and link to each other."""

import itertools
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.support.dashboards import SOURCES, Json, PanelTarget, dashboards, panels, targets
from tstats.catalog import DAILY_SUMMARIES, DATABASES, ROLLUPS
from tstats.collect.metrics import CollectorMetrics
from tstats.dashboards.json_models import json_models
from tstats.dashboards.links import parameters
from tstats.dashboards.panels import Unit
from tstats.influx.influxql import identifier

DASHBOARDS = dashboards()
EVERY_PANEL = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]


def targets_of(kind: str) -> list[PanelTarget]:
    return [
        target
        for uid, dashboard in DASHBOARDS.items()
        for target in targets(uid, dashboard)
        if target.source is not None and target.source.type == kind
    ]


INFLUX = targets_of("influxdb")
PROMETHEUS = targets_of("prometheus")


def test_the_queries_are_those_of_the_golden_file(*, golden: Path, update_golden: bool) -> None:
    file = golden / "dashboards.txt"
    lines: list[str] = []
    for uid, dashboard in DASHBOARDS.items():
        lines += [f"{uid}: {dashboard['title']}"]
        lines += [f"  ${variable['name']}: {variable['query']}" for variable in variables(uid)]
        for panel in panels(dashboard):
            lines.append(f"  {panel['id']} {panel['title']} [{panel['type']}, {unit(panel)}]")
            lines += [f"    {target['refId']}: {query(target)}" for target in panel["targets"]]
    text = "\n".join(lines) + "\n"
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def query(target: Json) -> str:
    text: str = target.get("query") or target.get("expr") or target["expression"]
    return text


def variables(uid: str) -> list[Json]:
    found: list[Json] = DASHBOARDS[uid]["templating"]["list"]
    return found


def unit(panel: Json) -> str:
    found: str = panel["fieldConfig"]["defaults"]["unit"]
    return found


def test_two_processes_write_the_same_texts() -> None:
    program = "from tstats.dashboards.json_models import json_models; print(''.join(json_models().values()))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "".join(json_models().values()) + "\n"


def test_uids_and_titles_are_unique() -> None:
    assert len(DASHBOARDS) == 6
    assert all(dashboard["uid"] == uid and len(uid) <= 40 for uid, dashboard in DASHBOARDS.items())
    assert max(Counter(dashboard["title"] for dashboard in DASHBOARDS.values()).values()) == 1


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_the_ids_of_panels_and_rows_are_unique(uid: str) -> None:
    ids = [panel["id"] for panel in DASHBOARDS[uid]["panels"]]
    assert max(Counter(ids).values()) == 1


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panels_fill_the_grid_and_do_not_overlap(uid: str) -> None:
    taken = Counter(
        (x, y)
        for panel in DASHBOARDS[uid]["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert set(taken.values()) == {1}
    rows = max(y for _, y in taken) + 1
    assert set(taken) == set(itertools.product(range(24), range(rows)))


@pytest.mark.parametrize(("uid", "panel"), EVERY_PANEL)
def test_a_panel_is_complete(uid: str, panel: Json) -> None:
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


def test_queries_use_existing_variables_and_aliases_name_tags_of_the_grouping() -> None:
    for target in INFLUX:
        names = {variable["name"] for variable in variables(target.dashboard)}
        used = set(re.findall(r"/\^\$(\w+)\$/", target.json["query"]))
        assert used <= names, target
        groups = target.json["query"].rpartition(" GROUP BY ")[2]
        for tag in re.findall(r"\$tag_(\w+)", target.json.get("alias", "")):
            assert re.search(rf"\b{tag}\b", groups), target


def test_every_rollup_of_the_catalog_is_drawn_from_its_own_database() -> None:
    drawn = {
        (target.source.database, policy, measurement)
        for target in INFLUX
        if target.source is not None
        for policy, measurement in re.findall(r'FROM (\w+)\.("[^"]+"|\w+)', target.json["query"])
    }
    rollups = {(rollup.database, rollup.target_policy, identifier(rollup.target)) for rollup in ROLLUPS}
    days = {("daily_stats", "indefinite", identifier(statistic.name)) for statistic in DAILY_SUMMARIES}
    assert drawn == rollups | days


def test_each_database_has_a_data_source() -> None:
    databases = {source.database for source in SOURCES.values() if source.database}
    assert databases == {database.name for database in DATABASES}


def test_every_metric_is_exposed_by_tstats() -> None:
    text = generate_latest(CollectorMetrics().registry).decode()
    exposed = set(re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", text, re.MULTILINE))
    exposed |= {f"{name}_bucket" for name in re.findall(r"^# TYPE (\S+) histogram$", text, re.MULTILINE)}
    used = {name for target in PROMETHEUS for name in re.findall(r"\btstats_\w+", target.json["expr"])}
    assert used
    assert used <= exposed


def test_every_label_belongs_to_its_metric() -> None:
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
    for target in PROMETHEUS:
        (metric,) = re.findall(r"\btstats_\w+", target.json["expr"])
        if metric not in labels:
            continue
        by = re.findall(r" by \(([\w, ]+)\)", target.json["expr"])
        groups = set(re.split(r", ?", by[0])) - {"le"} if by else set()
        assert groups <= set(labels[metric]._labelnames), target  # noqa: SLF001 (there is no public way)
        assert set(re.findall(r"{{(\w+)}}", target.json["legendFormat"])) <= groups, target


def test_a_click_leads_to_a_dashboard_with_the_variable() -> None:
    links = [
        link["url"]
        for dashboard in DASHBOARDS.values()
        for panel in panels(dashboard)
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
        assert found[2] in {variable["name"] for variable in variables(found[1])}


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_each_dashboard_links_to_the_others_and_keeps_range_and_variables(uid: str) -> None:
    (link,) = DASHBOARDS[uid]["links"]
    assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)
    assert all(set(link["tags"]) <= set(dashboard["tags"]) for dashboard in DASHBOARDS.values())


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_all_variables_before_the_last_open_with_all_values(uid: str) -> None:
    """Otherwise a link that ends with the name of a server would miss it in another CDN or cache group."""
    for variable in variables(uid)[:-1]:
        assert variable["current"]["value"] == ["$__all"]


# --- the parameters of Traffic Ops


PARAMETERS = parameters("https://grafana.example/below/")


def test_all_parameters_of_traffic_ops_are_there() -> None:
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
def test_a_name_is_appended_to_an_existing_variable(name: str, tag: str) -> None:
    found = re.fullmatch(r"https://grafana\.example/below/d/([\w-]+)/[\w-]+\?var-(\w+)=", PARAMETERS[name])
    assert found
    assert found[2] == tag
    assert tag in {variable["name"] for variable in variables(found[1])}


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
    (panel,) = (panel for panel in panels(DASHBOARDS[found[1]]) if panel["id"] == int(found[2]))
    assert panel["title"] == title


def test_the_texts_are_json_with_a_newline_at_the_end() -> None:
    for uid, text in json_models().items():
        assert json.loads(text)["uid"] == uid
        assert text.endswith("}\n")
