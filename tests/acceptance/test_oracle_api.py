"""The API responds to recorded requests as Traffic Ops did, on the same points.

The recordings are not part of this repository; the tests run where they are available beside it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer
from tests.support.oracle import ORACLE, needs_oracle, recorded_traffic_ops, replay
from tstats import catalog
from tstats.config.settings import Settings
from tstats.core.time import INFINITE
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database, create_retention_policy

pytestmark = needs_oracle


@pytest.fixture
def traffic_ops(tmp_path: Path) -> Iterator[str]:
    with recorded_traffic_ops(tmp_path / "traffic-ops.log") as url:
        yield url


@pytest.fixture
def points(influx: Influx) -> Influx:
    """The recorded points, and the current values of other CDNs, from the recorded response."""
    for database in (catalog.CACHE_STATS, catalog.DELIVERYSERVICE_STATS):
        influx.query(create_database(database))
        influx.query(create_retention_policy(database, catalog.MONTHLY, keep=INFINITE, replication=1))
        lines = (ORACLE / "fixtures" / f"oracle.{database}.monthly.lp").read_bytes()
        influx.write(lines, database=database, policy=catalog.MONTHLY)
    samples = json.loads((ORACLE / "current_stats_samples.json").read_text(encoding="utf-8"))
    bodies = [sample["expect"]["body"] for sample in samples if sample["expect"]["status"] == 200]
    scales = (
        ("bandwidth", "bandwidth", 1_000_000),
        ("capacity", "maxkbps", 1_000_000 / 0.85),
        ("connections", "connections", 1),
    )
    for row in bodies[0]["response"]["currentStats"]:
        for name, metric, scale in scales:
            if row["cdn"] in ("cdn1", "cdn2") and row[name] is not None:
                line = f"{metric}.cdn.1min,cdn={row['cdn']} value={row[name] * scale!r}"
                influx.write(line.encode(), database=catalog.CACHE_STATS, policy=catalog.MONTHLY)
    return influx


@pytest.mark.parametrize("cases", ["api_cases.json", "current_stats_samples.json"])
def test_recorded_requests_have_the_recorded_responses(
    points: Influx, traffic_ops: str, tmp_path: Path, cases: str
) -> None:
    settings = Settings(to_url=traffic_ops, influx_urls=[points.url], spool_directory=str(tmp_path / "spool"))
    with ApiServer(settings) as server:
        result = replay(server.url, cases)
    assert result.endswith(" passed, 0 failed"), result
    assert not result.startswith("0 passed")
