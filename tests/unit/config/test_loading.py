"""The settings: Go's file as it is, our keys, the environment over both, and clear errors."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tstats.config.loading import environment_name, load
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.errors import ConfigError

PASSWORD = "correct-horse"  # noqa: S105 (the secret of this test)
GOOD: dict[str, Any] = {"toUrl": "https://to.example.com", "influxUrls": ["http://localhost:8086"]}

# As traffic_stats ships it, with its spelling of the Kafka keys.
GOS_SAMPLE = """{
  "toUser": "user",
  "toPasswd": "pass",
  "toUrl": "https://to.example.com",
  "toRequestTimeout": 0,
  "disableInflux": false,
  "influxUser": "influxUser",
  "influxPassword": "influxPassword",
  "pollingInterval": 10,
  "publishingInterval": 30,
  "dailySummaryPollingInterval": 60,
  "configInterval": 300,
  "maxPublishSize": 10000,
  "statusToMon": "ONLINE",
  "influxUrls": ["http://host1.example.com:8086", "udp://host2.example.com:8089"],
  "cacheRetentionPolicy": "daily",
  "dsRetentionPolicy": "daily",
  "dailySummaryRetentionPolicy": "indefinite",
  "seelogConfig": "/opt/traffic_stats/conf/traffic_stats_seelog.xml",
  "logs": {"error": "stderr", "warning": "/var/log/warning.log", "info": null, "debug": null, "event": null},
  "kafkaConfig": {
    "enable": false,
    "brokers": "",
    "topic": "",
    "required_acks": 0,
    "enable_tls": false,
    "rootCA": "",
    "client_cert": "",
    "client_cert_key": ""
  }
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "traffic_stats.cfg"


def write(file: Path, content: object) -> Path:
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def loaded(file: Path, content: object, environment: dict[str, str] | None = None) -> Settings:
    return load(write(file, content), environment or {})


def refusal(file: Path, content: object, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(file, content, environment)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- valid files


def test_the_sample_file_of_traffic_stats_is_read_as_it_ships(file: Path) -> None:
    found = loaded(file, GOS_SAMPLE)
    assert (found.to_user, found.to_passwd, found.to_url) == (
        "user",
        Secret("pass"),
        "https://to.example.com",
    )
    assert (found.influx_user, found.influx_password) == ("influxUser", Secret("influxPassword"))
    assert found.influx_urls == ["http://host1.example.com:8086", "udp://host2.example.com:8089"]
    assert found.to_request_timeout == 10
    assert (found.polling_interval, found.publishing_interval, found.config_interval) == (10, 30, 300)
    assert (found.daily_summary_polling_interval, found.max_publish_size) == (60, 10_000)
    assert (found.cache_retention_policy, found.ds_retention_policy) == ("daily", "daily")
    assert found.daily_summary_retention_policy == "indefinite"
    assert (found.logs.error, found.logs.warning, found.logs.info) == ("stderr", "/var/log/warning.log", None)
    assert found.seelog_config is not None


def test_a_minimal_file_has_the_defaults_of_traffic_stats(file: Path) -> None:
    found = loaded(file, GOOD)
    defaults = Settings(to_url="https://to.example.com", influx_urls=["http://localhost:8086"])
    assert found == defaults
    assert (found.influx_write_mode, found.spool_max_bytes, found.metrics_bind) == ("any", 1 << 30, "")


@pytest.mark.parametrize(
    "key",
    [
        "toRequestTimeout",
        "pollingInterval",
        "publishingInterval",
        "configInterval",
        "dailySummaryPollingInterval",
        "maxPublishSize",
        "influxTimeout",
        "spoolMaxBytes",
    ],
)
@pytest.mark.parametrize("absent", [0, None])
def test_zero_and_null_mean_the_default(file: Path, key: str, absent: object) -> None:
    assert loaded(file, GOOD | {key: absent}) == loaded(file, GOOD)


def test_false_is_a_value_not_a_default(file: Path) -> None:
    assert loaded(file, GOOD | {"toInsecure": False}, {"TSTATS_TO_INSECURE": "true"}).to_insecure
    assert not loaded(file, GOOD | {"toInsecure": True}, {"TSTATS_TO_INSECURE": "false"}).to_insecure


@pytest.mark.parametrize("key", ["pollingInterval", "PollingInterval", "POLLINGINTERVAL", "polling_interval"])
def test_a_key_is_found_in_any_letter_case(file: Path, key: str) -> None:
    assert loaded(file, GOOD | {key: 7}).polling_interval == 7


def test_a_byte_order_mark_is_ignored(file: Path) -> None:
    assert loaded(file, b"\xef\xbb\xbf" + json.dumps(GOOD).encode()).to_url == GOOD["toUrl"]


def test_a_password_may_be_in_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{PASSWORD}\n")
    content = GOOD | {
        "toPasswdFile": str(tmp_path / "secret"),
        "influxPasswordFile": str(tmp_path / "secret"),
    }
    found = loaded(file, content)
    assert found.to_passwd.reveal() == found.influx_password.reveal() == PASSWORD


# --- invalid files: one clear line each


def test_no_file(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"traffic_stats\.cfg: cannot be read: No such file or directory"):
        load(file, {})


def test_a_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


BAD_FILES: list[tuple[object, str]] = [
    ("", "line 1 column 1: Expecting value"),
    ('{\n  "toUrl": "x",\n  bad\n}', "line 3 column 3: Expecting property name enclosed in double quotes"),
    ('{"toUrl": "x"', "line 1 column 14: Expecting ',' delimiter"),
    (b'{"toUser": "\xff"}', "not UTF-8 text: invalid start byte at byte 12"),
    ("[" * 100_000, "nested too deeply"),
    ('{"pollingInterval": ' + "9" * 5000 + "}", "a number has too many digits"),
    ("[]", "not a JSON object with keys such as toUrl and influxUrls"),
    ('"toUrl"', "not a JSON object"),
    ("null", "not a JSON object"),
    (GOOD | {"pollingInterval": "10"}, "pollingInterval: expected int, got str"),
    (GOOD | {"pollingInterval": 1.5}, "pollingInterval: expected int, got float"),
    (GOOD | {"pollingInterval": -1}, "pollingInterval: expected int >= 0"),
    (GOOD | {"configInterval": 10**20}, "configInterval: expected int <= 1000000"),
    (GOOD | {"maxPublishSize": -5}, "maxPublishSize: expected int >= 0"),
    (GOOD | {"toUser": 5}, "toUser: expected str, got int"),
    (GOOD | {"toPasswd": 5}, "toPasswd: expected str"),
    (GOOD | {"toInsecure": "yes"}, "toInsecure: expected bool, got str"),
    (GOOD | {"influxUrls": "http://localhost:8086"}, "influxUrls: expected array, got str"),
    (GOOD | {"influxUrls": [5]}, "influxUrls[0]: expected str, got int"),
    (GOOD | {"influxWriteMode": "some"}, "influxWriteMode: invalid enum value 'some'"),
    (GOOD | {"logFormat": "xml"}, "logFormat: invalid enum value 'xml'"),
    (GOOD | {"logs": "stderr"}, "logs: expected object, got str"),
    (GOOD | {"logs": {"error": 5}}, "logs.error: expected str | null, got int"),
    (GOOD | {"logs": {"warn": "stderr"}}, "logs: unknown key 'warn' (did you mean 'warning'?)"),
    (GOOD | {"kafkaConfig": []}, "kafkaConfig: expected object, got array"),
    (
        GOOD | {"kafkaConfig": {"enable": True}},
        "kafkaConfig.enable: Kafka is not supported yet; set it to false",
    ),
    (GOOD | {"kafkaConfig": {"broker": ""}}, "kafkaConfig: unknown key 'broker' (did you mean 'brokers'?)"),
    (GOOD | {"disableInflux": True}, "disableInflux: InfluxDB is the only sink; remove the key"),
    (GOOD | {"pollingIntervall": 10}, "unknown key 'pollingIntervall' (did you mean 'pollingInterval'?)"),
    (GOOD | {"zzz": 1}, "unknown key 'zzz'"),
    (GOOD | {"toUlr": 1, "zzz": 2}, "unknown key 'toUlr' (did you mean 'toUrl'?), 'zzz'"),
    ({"toUrl": "https://to.example.com"}, "influxUrls: at least one URL is required"),
    (GOOD | {"influxUrls": []}, "influxUrls: at least one URL is required"),
    ({"influxUrls": ["http://localhost:8086"]}, "toUrl: the URL of Traffic Ops is required"),
    (GOOD | {"toUrl": "to.example.com"}, "toUrl: must be an http(s) URL without user and password"),
    (GOOD | {"toUrl": "ftp://to.example.com"}, "toUrl: must be an http(s) URL"),
    (GOOD | {"spoolMaxBytes": 5}, "spoolMaxBytes: must be at least 1048576 (1 MiB)"),
    (GOOD | {"metricsBind": "9105"}, "metricsBind: write host:port, such as 127.0.0.1:9105"),
    (GOOD | {"metricsBind": ":9105"}, "metricsBind: write host:port"),
    (GOOD | {"metricsBind": "localhost:http"}, "metricsBind: write host:port"),
    (GOOD | {"metricsBind": "localhost:65536"}, "metricsBind: write host:port"),
]


@pytest.mark.parametrize(("content", "words"), BAD_FILES, ids=[words[:50] for _, words in BAD_FILES])
def test_an_error_names_the_file_and_what_is_wrong(file: Path, content: object, words: str) -> None:
    text = refusal(file, content)
    assert text.startswith(f"{file}: ")
    assert words in text


@pytest.mark.parametrize(
    ("key", "name"), [("toPasswd", "toPasswdFile"), ("influxPassword", "influxPasswordFile")]
)
def test_a_password_and_its_file_are_mutually_exclusive(file: Path, key: str, name: str) -> None:
    text = refusal(file, GOOD | {key: PASSWORD, name: "/run/secret"})
    assert f"{name}: give either the password or its file, not both" in text


def test_a_missing_password_file_is_named(file: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    assert f"toPasswdFile: {missing} cannot be read" in refusal(file, GOOD | {"toPasswdFile": str(missing)})


# --- the environment


def test_every_key_has_its_own_variable() -> None:
    keys = [field.encode_name for field in msgspec.structs.fields(Settings)]
    variables = [environment_name(key) for key in keys]
    assert len(set(variables)) == len(keys)
    assert {"TSTATS_TO_URL", "TSTATS_INFLUX_URLS", "TSTATS_MAX_PUBLISH_SIZE"} <= set(variables)


OVERRIDES: list[tuple[str, object, str, str, object]] = [
    ("toUser", "file", "TSTATS_TO_USER", "environment", "environment"),
    ("toUser", "file", "TSTATS_TO_USER", "5", "5"),
    ("toUser", "file", "TSTATS_TO_USER", "", ""),
    ("pollingInterval", 5, "TSTATS_POLLING_INTERVAL", "7", 7),
    ("pollingInterval", 5, "TSTATS_POLLING_INTERVAL", "0", 10),
    ("toInsecure", False, "TSTATS_TO_INSECURE", "true", True),
    ("influxWriteMode", "any", "TSTATS_INFLUX_WRITE_MODE", "all", "all"),
    ("influxUrls", ["http://a"], "TSTATS_INFLUX_URLS", "http://b, http://c,", ["http://b", "http://c"]),
    ("influxUrls", ["http://a"], "TSTATS_INFLUX_URLS", '["http://b"]', ["http://b"]),
    ("seelogConfig", None, "TSTATS_SEELOG_CONFIG", "x", "x"),
    ("toPasswd", "file", "TSTATS_TO_PASSWD", PASSWORD, Secret(PASSWORD)),
]


@pytest.mark.parametrize(("key", "value", "variable", "text", "expected"), OVERRIDES)
def test_the_environment_overrides_the_file(
    file: Path, key: str, value: object, variable: str, text: str, expected: object
) -> None:
    found = loaded(file, GOOD | {key: value}, {variable: text, "PATH": "/bin"})
    (name,) = (field.name for field in msgspec.structs.fields(Settings) if field.encode_name == key)
    assert getattr(found, name) == expected


def test_nested_settings_are_json_in_the_environment(file: Path) -> None:
    found = loaded(
        file, GOOD, {"TSTATS_LOGS": '{"error": "stdout"}', "TSTATS_KAFKA_CONFIG": '{"enable": false}'}
    )
    assert (found.logs.error, found.kafka_config.enable) == ("stdout", False)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("TSTATS_POLLING_INTERVAL", "soon", "TSTATS_POLLING_INTERVAL: expected int, got str"),
        ("TSTATS_POLLING_INTERVAL", "", "TSTATS_POLLING_INTERVAL: expected int, got str"),
        ("TSTATS_POLLING_INTERVAL", "9" * 5000, "TSTATS_POLLING_INTERVAL: expected int, got str"),
        ("TSTATS_POLLING_INTERVAL", "-1", "TSTATS_POLLING_INTERVAL: expected int >= 0"),
        ("TSTATS_LOGS", "[" * 100_000, "TSTATS_LOGS: expected object, got str"),
        ("TSTATS_POLING_INTERVAL", "5", "'TSTATS_POLING_INTERVAL' (did you mean 'TSTATS_POLLING_INTERVAL'?)"),
        ("TSTATS_NOTHING_LIKE_IT_AT_ALL", "5", "unknown variable 'TSTATS_NOTHING_LIKE_IT_AT_ALL'"),
    ],
)
def test_an_error_names_the_variable(file: Path, variable: str, text: str, words: str) -> None:
    message = refusal(file, GOOD, {variable: text})
    assert message.startswith("environment: ")
    assert words in message


def test_the_variable_of_the_option_cfg_is_not_a_setting(file: Path) -> None:
    assert loaded(file, GOOD, {"TSTATS_CFG": "x"}) == loaded(file, GOOD)


# --- secrets


def test_neither_the_settings_nor_an_error_shows_a_password(file: Path) -> None:
    secrets = {"toPasswd": PASSWORD, "influxPassword": PASSWORD}
    shown = repr(loaded(file, GOOD | secrets))
    shown += refusal(file, GOOD | secrets | {"zzz": 1})
    shown += refusal(file, GOOD | secrets | {"pollingInterval": PASSWORD})
    shown += refusal(file, GOOD | secrets | {"toUrl": f"https://admin:{PASSWORD}@to.example.com"})
    shown += refusal(file, GOOD | {"toPasswd": [PASSWORD]})
    shown += refusal(file, GOOD | {"toPasswd": PASSWORD, "toPasswdFile": "/x"})
    shown += refusal(file, json.dumps(GOOD | secrets)[:-1] + ",}")
    shown += refusal(file, GOOD, {"TSTATS_TO_PASWD": PASSWORD})
    assert PASSWORD not in shown


# --- any values


wrong = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers())
)
contents = st.dictionaries(
    st.sampled_from([field.encode_name for field in msgspec.structs.fields(Settings)]), wrong, max_size=4
)


@given(contents)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_give_settings_or_one_line(file: Path, content: dict[str, Any]) -> None:
    write(file, GOOD | content)
    try:
        found: Settings | str = load(file, {})
    except ConfigError as error:
        found = str(error)
    if isinstance(found, Settings):
        assert found.polling_interval > 0
        assert found.influx_urls
    else:
        assert found.startswith(f"{file}: ")
        assert "\n" not in found
