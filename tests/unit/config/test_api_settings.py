"""The keys of the API: defaults, bounds, and when Traffic Ops' URL is required."""

import json
from pathlib import Path

import pytest

from tstats.cli import app
from tstats.command import exits
from tstats.config.loading import load
from tstats.config.settings import Settings
from tstats.errors import ConfigError

INFLUX: dict[str, object] = {"influxUrls": ["http://localhost:8086"]}
GOOD = INFLUX | {"toUrl": "https://to.example.com"}


def loaded(folder: Path, content: dict[str, object], *, to_collect: bool = False) -> Settings:
    file = folder / "traffic_stats.cfg"
    file.write_text(json.dumps(content))
    return load(file, {}, to_collect=to_collect)


def test_the_default_is_an_api_with_the_sessions_of_traffic_ops(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD)
    assert (found.api_auth, found.api_auth_cache_seconds) == ("trafficOps", 30)
    assert (found.api_max_points, found.api_query_timeout, found.api_max_body_bytes) == (100_000, 30, 65_536)
    assert (found.api_tls_cert, found.api_tls_key) == ("", "")


@pytest.mark.parametrize("key", ["apiAuthCacheSeconds", "apiMaxPoints", "apiQueryTimeout", "apiMaxBodyBytes"])
@pytest.mark.parametrize("absent", [0, None])
def test_zero_and_null_mean_the_default(tmp_path: Path, key: str, absent: object) -> None:
    assert loaded(tmp_path, GOOD | {key: absent}) == loaded(tmp_path, GOOD)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("apiAuth", "everybody", "apiAuth: invalid enum value 'everybody'"),
        ("apiAuthCacheSeconds", -1, "apiAuthCacheSeconds: expected int >= 0"),
        ("apiAuthCacheSeconds", 3_601, "apiAuthCacheSeconds: expected int <= 3600"),
        ("apiMaxPoints", 10_000_001, "apiMaxPoints: expected int <= 10000000"),
        ("apiQueryTimeout", 3_601, "apiQueryTimeout: expected int <= 3600"),
        ("apiMaxBodyBytes", 1 << 40, "apiMaxBodyBytes: expected int <= 67108864"),
        ("apiTlsCert", "cert.pem", "apiTlsKey: https requires both apiTlsCert and apiTlsKey"),
        ("apiTlsKey", "key.pem", "apiTlsCert: https requires both apiTlsCert and apiTlsKey"),
    ],
)
def test_an_error_names_the_key(tmp_path: Path, key: str, value: object, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, GOOD | {key: value})
    assert words in str(refused.value)


def test_the_file_of_the_tokens_is_beside_the_spool_by_default(tmp_path: Path) -> None:
    beside = loaded(tmp_path, GOOD | {"spoolDirectory": "/var/lib/tstats/spool"})
    assert beside.tokens_file == Path("/var/lib/tstats/tstats-tokens.json")
    assert loaded(tmp_path, GOOD | {"apiTokensFile": "/etc/tokens"}).tokens_file == Path("/etc/tokens")


@pytest.mark.parametrize("auth", ["tokens", "none"])
@pytest.mark.parametrize("url", ["", None])
def test_an_api_without_its_sessions_needs_no_traffic_ops(tmp_path: Path, auth: str, url: object) -> None:
    found = loaded(tmp_path, INFLUX | {"apiAuth": auth, "toUrl": url})
    assert (found.api_auth, found.to_url) == (auth, "")


@pytest.mark.parametrize(
    ("content", "to_collect", "words"),
    [
        ({}, False, "is required, such as https://to.example.com; without Traffic Ops use apiAuth"),
        ({"apiAuth": "trafficOps"}, False, "is required, such as https://to.example.com"),
        ({"apiAuth": "tokens"}, True, "is required to collect"),
        ({"apiAuth": "none"}, True, "is required to collect"),
        (
            {"apiAuth": "tokens", "summarySink": "trafficOps"},
            False,
            "is required by summarySink 'trafficOps'",
        ),
        ({"apiAuth": "tokens", "summarySink": "both"}, False, "is required by summarySink 'both'"),
    ],
)
def test_a_setting_that_requires_traffic_ops_is_named(
    tmp_path: Path, content: dict[str, object], words: str, *, to_collect: bool
) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(tmp_path, INFLUX | content, to_collect=to_collect)
    assert f"traffic_stats.cfg: toUrl: the URL of Traffic Ops {words}" in str(refused.value)


def test_a_url_that_is_not_required_is_checked_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="toUrl: must be an http"):
        loaded(tmp_path, INFLUX | {"apiAuth": "none", "toUrl": "to.example.com"})


def test_collecting_requires_traffic_ops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "traffic_stats.cfg"
    file.write_text(json.dumps(INFLUX | {"apiAuth": "tokens"}))
    with pytest.raises(SystemExit) as ended:
        exits.run(app, ["collect", "--cfg", str(file)])
    assert ended.value.code == 2
    assert "toUrl: the URL of Traffic Ops is required to collect" in capsys.readouterr().err
