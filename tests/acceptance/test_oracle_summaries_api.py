"""The API responds to recorded requests for stats_summary as Traffic Ops did.

The recordings are not part of this repository; the tests run where they are available beside it.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support.api_server import ApiServer
from tests.support.asgi_client import request
from tests.support.days import migrated
from tests.support.oracle import ORACLE, needs_oracle, recorded_traffic_ops, replay
from tests.support.ports import NOBODY
from tstats.api.assembly import build_app
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.migrations import Migrations
from tstats.db.tables import STATS_SUMMARY

pytestmark = needs_oracle


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
    with recorded_traffic_ops(tmp_path / "traffic-ops.log") as traffic_ops:
        settings = Settings(to_url=traffic_ops, influx_urls=[NOBODY], database_url=Secret(url))
        with ApiServer(settings) as server:
            yield server


def test_recorded_posts_have_the_recorded_responses(api: ApiServer) -> None:
    result = replay(api.url, "stats_summary_cases.json")
    assert result.endswith(" 0 failed"), result
    assert not result.startswith("0 passed")


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
