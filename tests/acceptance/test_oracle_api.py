"""The API responds to recorded requests as Traffic Ops did, on the same points.

The recordings are not part of this repository; the tests run where they are available beside it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.api_server import ApiServer
from tests.support.influxd import free_port
from tests.support.waiting import wait_for
from tstats import catalog
from tstats.config.settings import Settings
from tstats.core.time import INFINITE
from tstats.influx.client import Influx
from tstats.influx.influxql import create_database, create_retention_policy

ORACLE = Path(__file__).parents[3] / "shared" / "oracle"
pytestmark = pytest.mark.skipif(
    not ORACLE.is_dir(), reason="the recorded exchanges (../shared/oracle) are not here"
)


@pytest.fixture
def traffic_ops() -> Iterator[str]:
    """The URL of a fake Traffic Ops that responds with recorded bodies."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(ORACLE / "fake_traffic_ops.py"), str(port)])
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/api/5.0/ping", timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        wait_for(answers, "the fake Traffic Ops to answer", seconds=30)
        yield url
    finally:
        process.kill()
        process.wait()


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
        ended = subprocess.run(
            [sys.executable, str(ORACLE / "replay.py"), server.url, str(ORACLE / cases)],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert ended.stdout.endswith(" passed, 0 failed\n"), ended.stdout + ended.stderr
    assert not ended.stdout.startswith("0 passed")
