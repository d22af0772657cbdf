"""The command `sync_ts_databases` as a user runs it: exit status, stdout, stderr, JSON."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.points import Point, as_export, export, write
from tests.support.waiting import wait_for
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Influx

COMMAND = Path(sys.executable).with_name("sync_ts_databases")
COUNTS = [
    "windows_compared",
    "windows_different",
    "points_read",
    "points_written",
    "points_missing",
    "points_lower",
    "points_target_ahead",
    "points_only_in_target",
]


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def sync(source: Influx, target: Influx, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run("--source-url", source.url, "--target-url", target.url, *arguments)


def as_json(source: Influx, target: Influx, *arguments: str, status: int = 0) -> dict[str, Any]:
    done = sync(source, target, "--output", "json", *arguments)
    assert done.returncode == status, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture
def filled(influx: Influx) -> list[Point]:
    """A source as create_ts_databases makes it, with two hours of points of two measurements."""
    influx.query("CREATE DATABASE cache_stats WITH DURATION 26h REPLICATION 1 NAME daily")
    influx.query("CREATE RETENTION POLICY monthly ON cache_stats DURATION 30d REPLICATION 1")
    influx.query(
        "CREATE CONTINUOUS QUERY bandwidth_1min ON cache_stats RESAMPLE FOR 2m BEGIN SELECT mean(value)"
        ' AS value INTO cache_stats.monthly."bandwidth.1min" FROM cache_stats.daily.bandwidth'
        " GROUP BY time(1m), * END"
    )
    now = time.time_ns() // MINUTE * MINUTE
    points = [
        Point(
            measurement=measurement,
            tags=(("cdn", "cdn1"), ("hostname", host)),
            time=now - DAY - minute * MINUTE,
            fields=(("value", float(minute)),),
        )
        for measurement in ("bandwidth.1min", "connections.1min")
        for host in ("edge-1", "edge-2")
        for minute in range(120)
    ]
    write(influx, points, database="cache_stats", policy="monthly")
    return points


def test_a_first_sync_makes_the_schema_copies_the_points_and_says_verified(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    done = sync(influx, other_influx)
    assert done.returncode == 0, done.stderr
    assert export(other_influx, "cache_stats", "monthly") == as_export(filled)
    assert "in sync, verified: 480 points written" in done.stdout
    assert "schema: create database" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines() if "bandwidth.1min" in line]
    assert lines[0][0] == "cache_stats.monthly.bandwidth.1min"
    assert lines[0][-1] == "verified"
    queries = {
        row["name"] for series in other_influx.query("SHOW CONTINUOUS QUERIES") for row in series.rows()
    }
    assert "bandwidth_1min" in queries


def test_the_json_tells_all_of_it_and_nothing_else_is_on_stdout(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    report = as_json(influx, other_influx)
    assert {
        "source": influx.url,
        "target": other_influx.url,
        "in_sync": True,
        "verified": True,
    }.items() <= report.items()
    assert report["points_written"] == report["points_missing"] == len(filled)
    assert report["seconds"] > 0
    assert report["points_per_second"] > 0
    assert {(change["kind"], change["applied"]) for change in report["schema_changes"]} >= {
        ("database", True)
    }
    assert [one["measurement"] for one in report["measurements"]] == ["bandwidth.1min", "connections.1min"]
    for one in report["measurements"]:
        assert list(one) == ["database", "retention_policy", "measurement", *COUNTS, "error"]
        assert (one["database"], one["retention_policy"], one["error"]) == ("cache_stats", "monthly", None)
        assert one["points_written"] == 240
    again = as_json(influx, other_influx)
    assert (again["in_sync"], again["points_written"], again["schema_changes"]) == (True, 0, [])


def test_check_writes_nothing_and_exits_3_until_both_are_the_same(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    report = as_json(influx, other_influx, "--check", status=3)
    assert (report["in_sync"], report["points_missing"], report["points_written"]) == (False, len(filled), 0)
    assert report["schema_changes"]
    assert all(change["applied"] is False for change in report["schema_changes"])
    assert other_influx.query("SHOW DATABASES")[0].values == []
    dry = sync(influx, other_influx, "--dry-run")
    assert dry.returncode == 0
    assert "planned" in dry.stdout
    assert "240 to write" in dry.stdout
    assert other_influx.query("SHOW DATABASES")[0].values == []
    assert sync(influx, other_influx).returncode == 0
    assert sync(influx, other_influx, "--check").returncode == 0


def test_go_flags_with_one_dash_work(influx: Influx, other_influx: Influx, filled: list[Point]) -> None:
    done = run(
        f"-source-url={influx.url}",
        "-source-user=",
        "-source-password=",
        "-target-url",
        other_influx.url,
        "-target-user=",
        "-target-password=",
        "-database=cache_stats",
        "-days=2",
    )
    assert done.returncode == 0, done.stderr
    assert export(other_influx, "cache_stats", "monthly") == as_export(filled)


def test_an_unknown_database_is_refused_and_the_known_ones_are_named() -> None:
    done = run("-database", "cache_statistics", "--target-url", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "cache_stats, daily_stats, deliveryservice_stats" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--both-ways", "--policy", "source"], "--both-ways"),
        (["--target-url", "http://localhost:8086/"], "the same"),
        (["--check", "--dry-run"], "are mutually exclusive"),
        (["--days", "3", "--start", "2026-01-01"], "are mutually exclusive"),
        (["--days", "-1"], "--days"),
        (["--start", "yesterday"], "invalid time"),
        (["--start", "2026-01-02", "--end", "2026-01-01"], "the range is empty"),
        (["--settle", "five"], "--settle"),
        (["--policy", "newest"], "--policy"),
        (["--target-url", "ftp://x"], "invalid URL of an InfluxDB"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: list[str], words: str) -> None:
    target = [] if "--target-url" in arguments else ["--target-url", "http://127.0.0.1:9"]
    done = run(*arguments, *target)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)


def test_a_server_that_is_down_is_one_clear_line_and_exit_1(influx: Influx) -> None:
    done = run("--source-url", influx.url, "--target-url", "http://127.0.0.1:9", "--retries", "0")
    assert done.returncode == 1
    assert "http://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_source_without_the_database_is_no_success(influx: Influx, other_influx: Influx) -> None:
    influx.query("CREATE DATABASE cache_stats")
    done = sync(influx, other_influx, "--database", "daily_stats", "--database", "cache_stats")
    assert done.returncode == 1
    assert "has no database daily_stats" in done.stderr


def test_hot_minutes_are_left_and_settle_0s_takes_even_the_future(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    now = time.time_ns()
    newest = [
        Point(tags=(("hostname", "x"),), time=now + offset, fields=(("value", 1.0),))
        for offset in (-MINUTE, 2 * HOUR)
    ]
    write(influx, newest, database="cache_stats", policy="monthly")
    assert sync(influx, other_influx).returncode == 0
    assert export(other_influx, "cache_stats", "monthly") == as_export(filled)
    assert sync(influx, other_influx, "--settle", "0s").returncode == 0
    assert export(other_influx, "cache_stats", "monthly") == as_export([*filled, *newest])


def test_a_longer_policy_of_the_target_is_kept(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    other_influx.query("CREATE DATABASE cache_stats WITH DURATION 26h REPLICATION 1 NAME daily")
    other_influx.query("CREATE RETENTION POLICY monthly ON cache_stats DURATION 300d REPLICATION 1")
    report = as_json(influx, other_influx)
    assert report["in_sync"]
    [change] = [one for one in report["schema_changes"] if one["name"] == "monthly"]
    assert (change["applied"], "delete points" in change["error"]) == (False, True)
    assert export(other_influx, "cache_stats", "monthly") == as_export(filled)


def test_points_that_expire_in_the_target_are_not_tried(influx: Influx, other_influx: Influx) -> None:
    influx.query("CREATE DATABASE cache_stats WITH DURATION INF REPLICATION 1 NAME monthly")
    other_influx.query("CREATE DATABASE cache_stats WITH DURATION 2d REPLICATION 1 NAME monthly")
    now = time.time_ns()
    points = [Point(time=now - days * DAY, fields=(("value", 1.0),)) for days in (1, 3)]
    write(influx, points, database="cache_stats", policy="monthly")
    report = as_json(influx, other_influx, "--no-schema")
    assert report["in_sync"]
    assert export(other_influx, "cache_stats", "monthly") == as_export(points[:1])


def test_ctrl_c_ends_it_at_once_and_a_rerun_goes_on(
    influx: Influx, other_influx: Influx, filled: list[Point]
) -> None:
    slowly = ["--source-url", influx.url, "--target-url", other_influx.url, "--max-points-per-second", "20"]
    with subprocess.Popen([COMMAND, *slowly], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_for(lambda: written(other_influx), "the first points")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)  # all of it would take longer
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert 0 < written(other_influx) < len(filled)
    assert sync(influx, other_influx).returncode == 0
    assert export(other_influx, "cache_stats", "monthly") == as_export(filled)


def written(influx: Influx) -> int:
    """How many points there are; none where the database or its policy is not there yet."""

    def there(statement: str) -> set[str]:
        return {row["name"] for series in influx.query(statement) for row in series.rows()}

    if "cache_stats" not in there("SHOW DATABASES"):
        return 0
    if "monthly" not in there("SHOW RETENTION POLICIES ON cache_stats"):
        return 0
    return len(export(influx, "cache_stats", "monthly"))
