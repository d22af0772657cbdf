"""The settings: Go's traffic_stats.cfg as it is, a few keys of our own, and the environment over both.

A key is found in any spelling that Go's reader takes (letter case is free), and in the spelling with
underscores that Go's sample file uses for Kafka. An unknown key is an error: a typo would otherwise be a
default in silence.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from tstats.core.secret import Secret
from tstats.errors import ConfigError

ENVIRONMENT_PREFIX = "TSTATS_"
_NOT_SETTINGS = {"TSTATS_CFG"}  # the environment's name of --cfg

# 11 days: the system's calls for waiting take no number of any size.
Seconds = Annotated[int, Meta(ge=0, le=1_000_000)]
Count = Annotated[int, Meta(ge=0)]


class KafkaConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Go's second sink; read, so that its file can stay, but not served yet."""

    enable: bool = False
    brokers: str = ""
    topic: str = ""
    required_acks: int = 0
    enable_tls: bool = False
    root_ca: str = msgspec.field(default="", name="rootCA")
    client_cert: str = ""
    client_cert_key: str = ""


class Logs(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Where each level of the log goes: `stderr`, `stdout`, a path, or null for nowhere."""

    error: str | None = "stderr"
    warning: str | None = "stderr"
    info: str | None = "stderr"
    debug: str | None = None
    event: str | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Every key of the file, in the file's order; intervals and timeouts are whole seconds, 0 = default.

    Attributes:
        to_url, to_user, to_passwd: Traffic Ops; `to_passwd_file` names a file that holds the password.
        to_insecure, to_ca_cert: its certificate: unverified, or verified by this file.
        influx_urls: `http(s)://host:port`, or `udp://host:port` for a UDP listener.
        influx_write_mode: `any`: each batch to one of them; `all`: each batch to each of them.
        max_publish_size: points in a write request.
        status_to_mon: the status of the monitors that are asked.
        cache_retention_policy, ds_retention_policy, daily_summary_retention_policy: empty is the
            database's default one.
        rollup_mode: who computes the rollups as time goes on: `influxdb`, by continuous queries, or `tstats`.
        spool_directory: batches wait here on disk until InfluxDB has them; the last inventory, too.
        spool_max_bytes: when the spool is full, its oldest batches go.
        metrics_bind: `host:port` for /metrics and /healthz; empty: none.
        log_format: `text` or `json`, one line an event.
        summary_sink: where the daily summaries go beside InfluxDB.
        database_url: the SQL database of the summaries, as SQLAlchemy names it; may hold a password. Empty
            is a SQLite file beside the spool: ask `summary_database`.
        summarize_delivery_services: summarize the days of each delivery service, too.
        summary_settle_minutes: a day is summarized from so long after its end.
    """

    to_user: str = ""
    to_passwd: Secret = msgspec.field(default_factory=Secret)
    to_passwd_file: str = ""
    to_url: str = ""
    to_request_timeout: Seconds = 10
    to_insecure: bool = False
    to_ca_cert: str = ""
    disable_influx: bool = False
    influx_user: str = ""
    influx_password: Secret = msgspec.field(default_factory=Secret)
    influx_password_file: str = ""
    influx_urls: list[str] = []
    influx_write_mode: Literal["any", "all"] = "any"
    influx_timeout: Seconds = 30
    influx_insecure: bool = False
    influx_ca_cert: str = ""
    polling_interval: Seconds = 10
    publishing_interval: Seconds = 30
    config_interval: Seconds = 300
    daily_summary_polling_interval: Seconds = 60
    max_publish_size: Count = 10_000
    status_to_mon: str = "ONLINE"
    cache_retention_policy: str = ""
    ds_retention_policy: str = ""
    daily_summary_retention_policy: str = ""
    rollup_mode: Literal["influxdb", "tstats"] = "influxdb"
    spool_directory: str = "tstats-spool"
    spool_max_bytes: Annotated[int, Meta(ge=0)] = 1 << 30
    metrics_bind: str = ""
    log_format: Literal["text", "json"] = "text"
    summary_sink: Literal["database", "trafficOps", "both"] = "database"
    database_url: Secret = msgspec.field(default_factory=Secret)
    summarize_delivery_services: bool = False
    summary_settle_minutes: Annotated[int, Meta(ge=0, le=1_000)] = 10
    kafka_config: KafkaConfig = KafkaConfig()
    logs: Logs = Logs()
    seelog_config: str | None = None

    @property
    def summary_database(self) -> Secret:
        """The URL of the SQL database: databaseUrl, or else that of a SQLite file beside the spool."""
        return self.database_url or Secret(f"sqlite:///{Path(self.spool_directory).parent / 'tstats.db'}")


_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
_KAFKA_KEYS = [field.encode_name for field in msgspec.structs.fields(KafkaConfig)]
_LOG_KEYS = [field.encode_name for field in msgspec.structs.fields(Logs)]
_SMALLEST_SPOOL = 1 << 20
_HIGHEST_PORT = 65_535


def load(path: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file, with what `TSTATS_…` says over it, checked.

    Raises:
        ConfigError: one line that names the file and the key.
    """
    environment = os.environ if environment is None else environment
    values = _canonical(_parsed(path), _FIELDS, str(path))
    for key, nested in (("kafkaConfig", _KAFKA_KEYS), ("logs", _LOG_KEYS)):
        if isinstance(values.get(key), dict):
            values[key] = _canonical(values[key], nested, f"{path}: {key}", keep_null=key == "logs")
    overrides = _from_environment(environment)
    values |= overrides
    # Go takes a zero for a key that is not there.
    values = {key: value for key, value in values.items() if value != 0 or isinstance(value, bool)}
    try:
        settings = msgspec.convert(values, Settings, dec_hook=_secret)
    except msgspec.ValidationError as error:
        key, problem = _readable(str(error))
        where = f"environment: {environment_name(key)}" if key in overrides else f"{path}: {key}"
        raise ConfigError(f"{where}: {problem}") from None
    return _checked(settings, path)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno} column {error.colno}: {error.msg}") from None
    except ValueError:
        raise ConfigError(f"{path}: a number of thousands of digits") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: a JSON object is expected, with keys such as toUrl and influxUrls")
    return values


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _canonical(
    values: Mapping[str, Any], known: Iterable[str], where: str, *, keep_null: bool = False
) -> dict[str, Any]:
    """The values under our spelling of their keys; a null is a key that is not there."""
    spelling = {_plain(name): name for name in known}
    unknown = [key for key in values if _plain(key) not in spelling]
    if unknown:
        named = ", ".join(_with_suggestion(key, spelling.values()) for key in unknown)
        raise ConfigError(f"{where}: unknown key {named}")
    return {spelling[_plain(key)]: value for key, value in values.items() if value is not None or keep_null}


def _with_suggestion(key: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    return f"{key!r} (did you mean {near[0]!r}?)" if near else repr(key)


def environment_name(key: str) -> str:
    """The variable that overrides a key: `toUrl` → `TSTATS_TO_URL`."""
    return ENVIRONMENT_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).upper()


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {environment_name(key): key for key in _FIELDS}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_SETTINGS:
            continue
        key = names.get(variable)
        if key is None:
            raise ConfigError(f"environment: unknown {_with_suggestion(variable, names)}")
        values[key] = _typed(_FIELDS[key].type, text)
    return values


def _typed(kind: Any, text: str) -> Any:  # noqa: ANN401 (any setting's type and value)
    """A variable's text as its key wants it: JSON where that is no text; a list also with commas."""
    if kind in (str, Secret) or kind == str | None:
        return text
    if kind == list[str] and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # of the wrong type, or one of the words of a Literal: the check of types tells


def _secret(kind: type, value: object) -> object:
    if kind is not Secret:
        raise NotImplementedError
    if not isinstance(value, str):
        raise TypeError("expected str")  # msgspec makes it a ValidationError with the key
    return Secret(value)


def _readable(problem: str) -> tuple[str, str]:
    """The key and the fault, out of ``Expected `int`, got `str` - at `$.pollingInterval```."""
    what, _, place = problem.partition(" - at ")
    text = (what[:1].lower() + what[1:]).replace("`", "").replace("Secret", "str")
    return place.strip("`").removeprefix("$."), text


def _checked(settings: Settings, path: Path) -> Settings:
    if settings.kafka_config.enable:
        raise ConfigError(f"{path}: kafkaConfig.enable: Kafka is not supported yet; set it to false")
    if settings.disable_influx:
        raise ConfigError(f"{path}: disableInflux: InfluxDB is the only sink; remove the key")
    if not settings.influx_urls:
        raise ConfigError(f'{path}: influxUrls: at least one is needed, such as ["http://localhost:8086"]')
    if not settings.to_url:
        raise ConfigError(f"{path}: toUrl: the URL of Traffic Ops is needed, such as https://to.example.com")
    if not re.match(r"https?://[^/@\s]+(/|$)", settings.to_url):
        raise ConfigError(f"{path}: toUrl: not an http(s) URL without user and password")
    if settings.spool_max_bytes < _SMALLEST_SPOOL:
        raise ConfigError(f"{path}: spoolMaxBytes: at least {_SMALLEST_SPOOL} (1 MiB)")
    if settings.metrics_bind:
        bind_address(settings.metrics_bind, f"{path}: metricsBind")
    return msgspec.structs.replace(
        settings,
        to_passwd=_password(settings.to_passwd, settings.to_passwd_file, f"{path}: toPasswdFile"),
        influx_password=_password(
            settings.influx_password, settings.influx_password_file, f"{path}: influxPasswordFile"
        ),
    )


def bind_address(text: str, where: str) -> tuple[str, int]:
    """Host and port of `host:port`; raises ConfigError naming `where`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ConfigError(f"{where}: host:port is expected, such as 127.0.0.1:9105")
    return host.strip("[]"), int(port)


def _password(given: Secret, file: str, where: str) -> Secret:
    if not file:
        return given
    if given:
        raise ConfigError(f"{where}: give the password itself or its file, not both")
    try:
        return Secret(Path(file).read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {file} cannot be read: {error}") from None
