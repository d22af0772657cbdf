"""`tstats summarize` and `tstats db` as a user runs them, and two daemons that are killed repeatedly."""

import json
import random
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import run
from tests.support.days import (
    SETTLED,
    daily_points,
    migrated,
    sql_rows,
    summarizer,
    write_day,
)
from tests.support.influxd import Influxd
from tests.support.postgres import Postgres
from tstats.influx.client import Influx

# The commands use the machine's clock: the day before yesterday has settled at any time of today.
SETTLED_DAY = datetime.now(UTC).date() - timedelta(days=2)
PEAK = {20 * 60 + 15: 2_500_000.0}


def write_cfg(folder: Path, influxd: Influxd, **keys: object) -> str:
    cfg = folder / "traffic_stats.cfg"
    settings = {
        "toUrl": "http://127.0.0.1:9",
        "influxUrls": [influxd.url],
        "dailySummaryRetentionPolicy": "indefinite",
        "spoolDirectory": str(folder / "spool"),
    }
    cfg.write_text(json.dumps(settings | keys))
    return str(cfg)


def test_the_default_is_a_sqlite_file_next_to_the_spool(
    influx: Influx, influxd: Influxd, tmp_path: Path
) -> None:
    cfg = write_cfg(tmp_path, influxd)
    write_day(influx, "cdn1", day=SETTLED_DAY, peaks=PEAK)
    refused = run("tstats", "summarize", "--cfg", cfg)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.endswith(": not set up for tstats yet; run: tstats db upgrade\n")
    assert not (tmp_path / "tstats.db").exists()

    assert run("tstats", "db", "upgrade", "--cfg", cfg).returncode == 0
    assert run("tstats", "db", "check", "--cfg", cfg).returncode == 0
    done = run("tstats", "summarize", "--cfg", cfg, "--date", str(SETTLED_DAY))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "day         cdn   delivery service  stat               value     result",
        f"{SETTLED_DAY}  cdn1  all               daily_maxgbps      2.5       created",
        f"{SETTLED_DAY}  cdn1  all               daily_bytesserved  10.81125  created",
    ]
    assert len(sql_rows(f"sqlite:///{tmp_path / 'tstats.db'}")) == 2


def test_json_and_a_dry_run(influx: Influx, influxd: Influxd, tmp_path: Path) -> None:
    cfg = write_cfg(tmp_path, influxd)
    migrated(f"sqlite:///{tmp_path / 'tstats.db'}")
    write_day(influx, "cdn1", day=SETTLED_DAY)
    write_day(influx, "cdn2", day=SETTLED_DAY - timedelta(days=1))
    asked = ["--cfg", cfg, "--since", str(SETTLED_DAY), "--dry-run", "--output", "json"]
    done = run("tstats", "summarize", *asked)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    of_the_day = [summary for summary in report["summaries"] if summary["day"] == str(SETTLED_DAY)]
    assert (report["ok"], report["dryRun"], report["problems"]) == (True, True, [])
    assert of_the_day == [
        {
            "day": str(SETTLED_DAY),
            "cdn": "cdn1",
            "deliveryService": "all",
            "stat": stat,
            "value": value,
            "result": "created",
            "error": None,
        }
        for stat, value in (("daily_maxgbps", 1.0), ("daily_bytesserved", 10.8))
    ] + [
        {
            "day": str(SETTLED_DAY),
            "cdn": "cdn2",
            "deliveryService": "all",
            "stat": None,
            "value": None,
            "result": "no points",
            "error": None,
        }
    ]
    assert daily_points(influx) == {}


@pytest.mark.usefixtures("influx")
def test_a_run_without_points_says_so(influxd: Influxd, tmp_path: Path) -> None:
    migrated(f"sqlite:///{tmp_path / 'tstats.db'}")
    done = run("tstats", "summarize", "--cfg", write_cfg(tmp_path, influxd))
    assert (done.returncode, done.stdout) == (
        0,
        "nothing to summarize: there are no points of a finished day\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--date", str(SETTLED_DAY + timedelta(days=4))],
            "cannot be summarized until 10 minutes after its end in UTC",
        ),
        (["--since", "2999-01-01"], "Invalid value for --since: 2999-01-01 cannot be summarized"),
        (["--date", "yesterday"], "'yesterday'"),
        (["--date", "2026-11-20", "--since", "2026-11-20"], "--date and --since are mutually exclusive"),
    ],
)
def test_wrong_usage_is_status_2(
    influxd: Influxd, tmp_path: Path, arguments: list[str], message: str
) -> None:
    refused = run("tstats", "summarize", "--cfg", write_cfg(tmp_path, influxd), *arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert message in refused.stderr


def test_a_wrong_configuration_is_status_2_and_shows_no_password(influxd: Influxd, tmp_path: Path) -> None:
    cfg = write_cfg(tmp_path, influxd, databaseUrl="mysql://root:correct-horse@localhost/tstats")
    refused = run("tstats", "summarize", "--cfg", cfg)
    assert refused.returncode == 2
    assert "databaseUrl: unsupported kind of database; write " in refused.stderr
    assert "correct-horse" not in refused.stderr


def test_a_failure_is_status_1_and_is_listed_in_the_table(
    influx: Influx, influxd: Influxd, tmp_path: Path
) -> None:
    write_day(influx, "cdn1", day=SETTLED_DAY)
    cfg = write_cfg(tmp_path, influxd, summarySink="trafficOps")
    failed = run("tstats", "summarize", "--cfg", cfg)
    assert failed.returncode == 1
    assert "failed: http://127.0.0.1:9/api/5.0/user/login cannot be reached" in failed.stdout
    down = run("tstats", "summarize", "--cfg", cfg, environment={"TSTATS_INFLUX_URLS": "http://127.0.0.1:9"})
    assert (down.returncode, down.stdout) == (1, "")
    assert down.stderr.startswith("tstats: error: http://127.0.0.1:9/ping cannot be reached")


# --- tstats db


def test_the_schema_from_the_command_line(postgres: Postgres, postgres_database: str) -> None:
    url = postgres.url(postgres_database).replace("tester@", "tester:correct-horse@")
    said = []

    def db(*arguments: str, by_environment: bool = False) -> tuple[int, str]:
        given = [] if by_environment else ["--database-url", url]
        done = run(
            "tstats",
            "db",
            *arguments,
            *given,
            environment={"TSTATS_DATABASE_URL": url} if by_environment else None,
        )
        said.append(done.stdout + done.stderr)
        return done.returncode, done.stdout

    assert db("check") == (3, "the schema is at revision base, not 0004; run: tstats db upgrade\n")
    assert db("upgrade", "0002", by_environment=True) == (0, "0 duplicates archived\nbase -> 0002\n")
    status, history = db("history")
    assert [line[:6] for line in history.splitlines()] == ["* 0001", "* 0002", "  0003", "  0004"]
    assert status == 0
    assert db("upgrade") == (0, "0002 -> 0004\n")
    assert db("downgrade", "-1") == (0, "0004 -> 0003\n")
    with postgres.connect(postgres_database) as connection:
        connection.execute("ALTER TABLE tstats_alembic_version RENAME TO hidden")
        connection.execute("ALTER TABLE stats_summary ADD COLUMN more text")
    assert db("upgrade") == (1, "")
    assert "tester@127.0.0.1" in said[-1]
    assert "correct-horse" not in "".join(said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["current"], "give --database-url or --cfg"),
        (["upgrade", "latest", "--database-url", "sqlite:///x.db"], "head, base, a revision such as 0002"),
        (["downgrade", "--database-url", "sqlite:///x.db"], "Missing argument"),
        (["check", "--database-url", "correct-horse"], "databaseUrl: invalid database URL"),
    ],
)
def test_wrong_usage_of_db_is_status_2(arguments: list[str], message: str) -> None:
    refused = run("tstats", "db", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "correct-horse" not in refused.stderr


# --- killed repeatedly


class _Daemon:
    """A process that summarizes in a loop, and can be killed."""

    def __init__(self, cfg: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.summarizing", cfg, str(SETTLED)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 3), ("postgresql", 6)])
def test_two_daemons_killed_repeatedly_leave_one_row_and_one_point(
    influx: Influx, influxd: Influxd, tmp_path: Path, request: pytest.FixtureRequest, kind: str, kills: int
) -> None:
    url = f"sqlite:///{tmp_path / 'tstats.db'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").url(request.getfixturevalue("postgres_database"))
    rows = migrated(url)
    cfg = write_cfg(tmp_path, influxd, databaseUrl=url)
    chance = random.Random(7)
    days, cdns = [date(2026, 11, 19), date(2026, 11, 20)], ["cdn1", "cdn2", "cdn3"]
    for day in days:
        for cdn in cdns:
            write_day(influx, cdn, day=day, minutes=range(0, 1_440, 10))
    peaks: dict[tuple[str, str], tuple[int, float]] = {}
    daemons = [_Daemon(cfg), _Daemon(cfg)]
    try:
        for number in range(kills):
            daemons[0].wait_until_ready()
            # Late data moves every maximum to another minute while both are working.
            for day in days:
                for cdn in cdns:
                    minute, peak = chance.randrange(1_440), 1_000_000.0 + (number + 1) * 1_000
                    write_day(influx, cdn, day=day, minutes=[], peaks={minute: peak})
                    peaks[str(day), cdn] = minute, peak
            time.sleep(chance.uniform(0.0, 0.15))  # no event to wait for: it is killed wherever it is
            daemons.pop(0).kill()
            daemons.append(_Daemon(cfg))
    finally:
        for daemon in daemons:
            daemon.kill()
    assert sql_rows(url)  # they were working
    assert summarizer(influx, rows=rows).run(SETTLED, wait=10).ok

    maxima = {(day, cdn, "all", "daily_maxgbps"): peak / 10**6 for (day, cdn), (_, peak) in peaks.items()}
    found = sql_rows(url)  # which asserts that there is only one of each
    assert {key: value for key, value in found.items() if key[3] == "daily_maxgbps"} == maxima
    sums = {key: value for key, value in found.items() if key[3] == "daily_bytesserved"}
    assert len(sums) == len(maxima)
    wanted = {
        (f"{day} 00:00", cdn, service, stat): value for (day, cdn, service, stat), value in sums.items()
    }
    for (day_of_peak, cdn), (minute, peak) in peaks.items():
        at = f"{day_of_peak} {minute // 60:02}:{minute % 60:02}"
        wanted[at, cdn, "all", "daily_maxgbps"] = peak / 10**6
    assert daily_points(influx) == wanted
