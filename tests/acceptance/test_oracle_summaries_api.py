"""The API responds to recorded requests for stats_summary as Traffic Ops did.

The recordings are not part of this repository; the tests run where they are available beside it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from tests.support.api_server import ApiServer
from tests.support.asgi_client import request
from tests.support.days import migrated
from tests.support.influxd import free_port
from tests.support.waiting import wait_for
from tstats.api.assembly import build_app
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.migrations import Migrations
from tstats.db.tables import STATS_SUMMARY

ORACLE = Path(__file__).parents[3] / "shared" / "oracle"
pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the recorded exchanges (../shared/oracle) are not here"
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    port = free_port()
    with subprocess.Popen([sys.executable, str(ORACLE / "fake_traffic_ops.py"), str(port)]) as traffic_ops:
        migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
        settings = Settings(
            to_url=f"http://127.0.0.1:{port}",
            influx_urls=["http://127.0.0.1:9"],
            database_url=Secret(url),
        )
        try:
            wait_for(lambda: _answers(settings.to_url), "the fake Traffic Ops to answer")
            with ApiServer(settings) as server:
                yield server
        finally:
            traffic_ops.terminate()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/5.0/ping", timeout=1).ok
    except requests.ConnectionError:
        return False


def test_recorded_posts_have_the_recorded_responses(api: ApiServer) -> None:
    replayed = subprocess.run(
        [sys.executable, str(ORACLE / "replay.py"), api.url, str(ORACLE / "stats_summary_cases.json")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (replayed.returncode, replayed.stdout.splitlines()[-1].endswith(" 0 failed")) == (0, True)


@pytest.mark.parametrize("version", ["3.0", "4.0", "5.0"])
def test_recorded_reads_have_the_recorded_responses(tmp_path: Path, version: str) -> None:
    """Read the same rows, including duplicates, and so without our key."""
    recorded = json.loads((ORACLE / "stats_summary_reads.json").read_text(encoding="utf-8"))
    cases = {
        case["name"].removeprefix(f"ss-v{version}-"): case
        for case in recorded
        if case["name"].startswith(f"ss-v{version}-")
    }
    rows = cases["badorder"]["expect"]["body"]["response"]  # all rows, in the order of the table
    database = Database(Secret(f"sqlite:///{tmp_path / 'tstats.db'}"))
    Migrations(database).upgrade("0001")
    with database.connect(writing=True) as connection, connection.begin():
        connection.execute(
            sa.insert(STATS_SUMMARY),
            [
                {
                    "cdn_name": row["cdnName"],
                    "deliveryservice_name": row["deliveryServiceName"],
                    "stat_name": row["statName"],
                    "stat_value": row["statValue"],
                    "summary_time": datetime.fromisoformat(row["summaryTime"]),
                    "stat_date": row["statDate"] and date.fromisoformat(row["statDate"]),
                }
                for row in rows
            ],
        )
    app = build_app(
        Settings(
            influx_urls=["http://127.0.0.1:9"],
            database_url=Secret(f"sqlite:///{tmp_path / 'tstats.db'}"),
            api_auth="none",
        )
    )
    assert len(cases) == 6
    for name, case in cases.items():
        response = request(app, case["request"]["path"])
        expected = case["expect"]["body"]
        assert (response.status, response.headers["content-type"]) == (200, case["expect"]["content_type"])
        assert response.headers["vary"] == case["expect"]["vary"]
        if name == "order":  # the order of rows with equal names was the recorded server's own
            assert [row["statName"] for row in response.json["response"]] == [
                row["statName"] for row in expected["response"]
            ]
        else:
            assert response.json == expected, name
