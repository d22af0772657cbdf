"""`tstats rollup` as a user runs it."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import commands, rollups
from tests.support.ports import NOBODY
from tstats.catalog import ROLLUPS
from tstats.core.time import HOUR, MINUTE, format_time
from tstats.core.windows import Window
from tstats.influx.client import Influx
from tstats.rollups.repair import RollupRepair

COMMANDS = (
    ("status",),
    ("repair",),
    ("run", "--start", "2026-11-20", "--end", "2026-11-21"),
)


def configuration(folder: Path, *urls: str) -> Path:
    file = folder / "traffic_stats.cfg"
    file.write_text(json.dumps({"toUrl": "https://to.example.com", "influxUrls": urls}))
    return file


def rollup(cfg: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run("tstats", "rollup", *arguments, "--cfg", str(cfg))


def rollup_json(cfg: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = rollup(cfg, *arguments, "--output", "json")
    document: dict[str, Any] = json.loads(result.stdout)
    return result.returncode, document


@pytest.fixture
def hour() -> Window:
    """A whole hour that ended an hour ago or more."""
    end = time.time_ns() // HOUR * HOUR - HOUR
    return Window(start=end - HOUR, end=end)


@pytest.fixture
def holed(influx: Influx, hour: Window) -> Window:
    """A hole in the rollups of a server whose rollups are otherwise complete."""
    rollups.make_databases(influx)
    rollups.write(influx, rollups.raw_points(hour, only="bandwidth"))
    RollupRepair(influx).run(hour)
    hole = Window(start=hour.start + 5 * MINUTE, end=hour.start + 35 * MINUTE)
    influx.query(
        f'DELETE FROM "bandwidth.1min" WHERE time >= {hole.start} AND time < {hole.end}',
        database="cache_stats",
    )
    return hole


def test_status_finds_what_repair_then_mends(influx: Influx, holed: Window, tmp_path: Path) -> None:
    cfg = configuration(tmp_path, influx.url)
    found = rollup(cfg, "status")
    assert found.returncode == 3, found.stderr
    assert found.stdout.splitlines() == [
        f"{influx.url}: bandwidth_1min: missing {holed} (30 intervals)",
        f"{influx.url}: bandwidth_cdn_1min: source is missing or stale {holed} (30 intervals)",
        f"{influx.url}: bandwidth_cdn_type_1min: source is missing or stale {holed} (30 intervals)",
        f"{influx.url}: 18 rollups, 3 with something missing or stale",
    ]
    planned = rollup(cfg, "repair", "--dry-run")
    assert (planned.returncode, planned.stdout) == (0, found.stdout)
    repaired = rollup(cfg, "repair")
    assert repaired.returncode == 0, repaired.stderr
    assert repaired.stdout.splitlines() == [
        f"{influx.url}: bandwidth_1min: computed {holed} (30 intervals)",
        f"{influx.url}: bandwidth_cdn_1min: computed {holed} (30 intervals)",
        f"{influx.url}: bandwidth_cdn_type_1min: computed {holed} (30 intervals)",
        f"{influx.url}: 18 rollups, 3 computed in part or whole, 270 points written",
    ]
    whole = rollup(cfg, "status", "--thorough")
    assert whole.returncode == 0
    assert whole.stdout == f"{influx.url}: 18 rollups, nothing missing or stale found\n"
    assert whole.stderr == ""


def test_the_json_has_the_documented_shape(influx: Influx, holed: Window, tmp_path: Path) -> None:
    cfg = configuration(tmp_path, influx.url)
    status, document = rollup_json(cfg, "repair", "--quick", "--rollup", "bandwidth_1min", "--since", "25h")
    assert status == 0
    (server,) = document["servers"]
    assert document.keys() == {"window", "servers"}
    assert (server["url"], server["error"]) == (influx.url, None)
    first = server["rollups"][0]
    window = {"start": format_time(holed.start), "end": format_time(holed.end)}
    assert first.pop("checked")["start"].endswith(":00Z")
    assert first == {
        "name": "bandwidth_1min",
        "database": "cache_stats",
        "missing": [window],
        "stale": [],
        "carried": [],
        "unproven": [],
        "recomputed": [window],
        "points": 120,
        "left": [],
        "error": None,
    }
    assert len(server["rollups"]) == 3  # and its dependents


def test_run_computes_the_given_range_and_reports_it(influx: Influx, holed: Window, tmp_path: Path) -> None:
    cfg = configuration(tmp_path, influx.url)
    bounds = ("--start", format_time(holed.start), "--end", format_time(holed.end))
    result = rollup(cfg, "run", *bounds, "--rollup", "bandwidth_1min")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].endswith(
        "3 rollups, 3 computed in part or whole, 270 points written"
    )
    assert rollup(cfg, "status").returncode == 0


def test_a_server_that_is_down_is_named_and_the_others_are_repaired(
    influx: Influx, holed: Window, tmp_path: Path
) -> None:
    cfg = configuration(tmp_path, NOBODY, influx.url, "udp://127.0.0.1:8089")
    result = rollup(cfg, "repair")
    assert result.returncode == 1
    assert NOBODY in result.stderr
    assert f"{NOBODY}: FAILED" in result.stdout
    assert f"{influx.url}: bandwidth_1min: computed {holed}" in result.stdout
    assert rollup(configuration(tmp_path, influx.url), "status").returncode == 0


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_unknown_rollup_is_wrong_usage_and_the_known_ones_are_listed(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = rollup(configuration(tmp_path, "http://127.0.0.1:1"), *command, "--rollup", "bandwidth")
    assert result.returncode == 2
    for known in ROLLUPS:
        assert known.name in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("status", "--since", "1 day"), "--since"),
        (("status", "--since", "0h"), "--since"),
        (("repair", "--since", "-2h"), "--since"),
        (("run", "--start", "yesterday", "--end", "2026-11-21"), "--start"),
        (("run", "--start", "2026-11-20", "--end", "20.11.2026"), "--end"),
        (("run", "--start", "2026-11-21", "--end", "2026-11-21T00:00:00Z"), "later than --start"),
        (("run", "--start", "0001-01-01", "--end", "2026-11-21"), "outside the times"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    result = rollup(configuration(tmp_path, "http://127.0.0.1:1"), *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_configuration_with_udp_only_is_wrong(tmp_path: Path) -> None:
    result = rollup(configuration(tmp_path, "udp://127.0.0.1:8089"), "status")
    assert result.returncode == 2
    assert "influxUrls" in result.stderr


def test_create_ts_databases_without_continuous_queries(influx: Influx) -> None:
    first = commands.run("create_ts_databases", "--url", influx.url, "--no-continuous-queries")
    assert first.returncode == 0, first.stderr
    assert not any(series.values for series in influx.query("SHOW CONTINUOUS QUERIES"))
    commands.run("create_ts_databases", "--url", influx.url)
    again = commands.run("create_ts_databases", "--url", influx.url, "--no-continuous-queries")
    assert again.returncode == 0
    assert "18 continuous queries still run there" in again.stderr
    assert sum(len(series.values) for series in influx.query("SHOW CONTINUOUS QUERIES")) == 18
