"""The API fuzzed by schemathesis, with requests that its OpenAPI document allows and some that it does not.

No response may be a server error, or one that the document does not describe. It takes API_FUZZ_SECONDS (20);
continuous integration sets it to 60.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.api_server import ApiServer
from tests.support.commands import command
from tests.support.days import make_databases, migrated
from tests.support.influxd import Influxd
from tstats.api.access.token_file import TokenFile
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.influx.client import Influx

SECONDS = int(os.environ.get("API_FUZZ_SECONDS", "20"))
START = 1_795_000_000  # 2026-11-18T11:06:40Z, in seconds
MINUTES = 30
RANGES = {
    "starts": ["2026-11-18T11:06:40Z", "2026-11-18 12:10:00.5+01", str(START * 10**9)],
    "ends": ["2026-11-18T11:30:00Z", "2026-11-18T13:20:00,25+02:00", str((START + 3_600) * 10**9 + 1)],
}
# Existing names and times, often enough to reach the data; everything else is random.
SETTINGS = """
headers = {{ Authorization = "Bearer {token}" }}
dictionaries.cdns.values = ["cdn1", "cdn2"]
dictionaries.services.values = ["vod", "live"]
dictionaries.stats.values = ["daily_maxgbps", "daily_bytesserved"]
dictionaries.starts.values = {starts}
dictionaries.ends.values = {ends}
parameters.cdnName = {{ dictionary = "cdns", probability = 0.7 }}
parameters.deliveryServiceName = {{ dictionary = "services", probability = 0.7 }}
parameters.statName = {{ dictionary = "stats", probability = 0.5 }}
parameters.startDate = {{ dictionary = "starts", probability = 0.7 }}
parameters.endDate = {{ dictionary = "ends", probability = 0.7 }}

[checks]
# As in Traffic Ops, an unknown version is a 501 and another method a 404.
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]
unsupported_method.enabled = false
allow_header_conformance.enabled = false
# A long range needs a longer interval, which the document cannot express.
positive_data_acceptance.enabled = false

# As in Traffic Ops, an offset and a page are ignored without a limit, even if they are invalid.
[[operations]]
include-operation-id = "read_stats_summary"
checks.negative_data_rejection.enabled = false
"""
METRICS = ("bandwidth", "maxkbps", "connections")


@pytest.fixture
def token(tmp_path: Path) -> str:
    return TokenFile(tmp_path / "tokens.json").create("fuzz", write=True, expires=None).reveal()


@pytest.fixture
def api(influxd: Influxd, influx: Influx, tmp_path: Path, token: str) -> Iterator[ApiServer]:
    """The API on a real InfluxDB, with half an hour of two CDNs and two delivery services."""
    del token  # its file must exist before the API starts
    make_databases(influx)
    for database, series in (
        ("cache_stats", [f"{metric}.cdn.1min,cdn={cdn}" for metric in METRICS for cdn in ("cdn1", "cdn2")]),
        (
            "deliveryservice_stats",
            [f"kbps.ds.1min,cachegroup=total,cdn=cdn1,deliveryservice={name}" for name in ("vod", "live")],
        ),
    ):
        lines = [
            f"{name} value={minute}.5 {START + 60 * minute}" for name in series for minute in range(MINUTES)
        ]
        influx.write("\n".join(lines).encode(), database=database, policy="monthly", precision="s")
    migrated(url := f"sqlite:///{tmp_path / 'tstats.db'}")
    settings = Settings(
        influx_urls=[influxd.url],
        database_url=Secret(url),
        api_auth="tokens",
        api_tokens_file=str(tmp_path / "tokens.json"),
    )
    with ApiServer(settings) as server:
        yield server


@pytest.mark.timeout(SECONDS + 90)
def test_every_response_is_described_and_none_is_a_server_error(
    api: ApiServer, tmp_path: Path, token: str
) -> None:
    settings = tmp_path / "schemathesis.toml"
    lists = {name: json.dumps(values) for name, values in RANGES.items()}
    settings.write_text(SETTINGS.format(token=token, **lists))
    arguments = {
        "--phases": "examples,coverage,fuzzing",
        "--max-time": str(SECONDS),
        "--generation-database": "none",
        "--generation-with-security-parameters": "false",
        "--warnings": "off",
    }
    done = subprocess.run(
        [
            command("schemathesis"),
            f"--config-file={settings}",
            "--no-color",
            "run",
            f"{api.url}/openapi.json",
            *(f"{name}={value}" for name, value in arguments.items()),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS + 75,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

    metrics = requests.get(f"{api.url}/metrics", timeout=10).text
    responses = {
        (route, int(status)): float(count)
        for route, status, count in re.findall(
            r'tstats_api_requests_total\{route="([^"]*)",status="(\d+)"\} (\S+)', metrics
        )
    }
    assert {status for _, status in responses if status >= 500} <= {501}
    # Not every request was refused.
    for route in ("cache_stats", "deliveryservice_stats", "current_stats", "stats_summary"):
        assert responses[route, 200] >= 5, responses
        assert responses[route, 401] >= 1, responses
    assert responses["cache_stats", 400] >= 5, responses
