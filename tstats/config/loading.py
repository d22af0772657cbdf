"""Reads the settings: Go's traffic_stats.cfg as it is, our additional keys, and the environment over both.

As for Go's reader, the letter case of keys does not matter; underscores are allowed, too, since Go's sample
file uses them for Kafka. An unknown key is an error: otherwise a typo would silently mean the default.
"""

import difflib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tstats.config.secret_file import read_secret
from tstats.config.settings import KafkaConfig, Logs, Settings
from tstats.core.secret import Secret
from tstats.errors import ConfigError

ENVIRONMENT_PREFIX = "TSTATS_"
_NOT_SETTINGS = {"TSTATS_CFG"}  # the variable of --cfg
_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
_KAFKA_KEYS = [field.encode_name for field in msgspec.structs.fields(KafkaConfig)]
_LOG_KEYS = [field.encode_name for field in msgspec.structs.fields(Logs)]
_SMALLEST_SPOOL = 1 << 20
_HIGHEST_PORT = 65_535


def load(path: Path, environment: Mapping[str, str] | None = None, *, to_collect: bool = False) -> Settings:
    """Return the checked settings of a file, overridden by the variables `TSTATS_…`.

    Args:
        path: of the file.
        environment: instead of that of the process.
        to_collect: require Traffic Ops. Otherwise it is required only if the settings depend on it: an API
            whose apiAuth is `tokens` or `none` does not.

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
    # Zero means the default, as in Go.
    values = {key: value for key, value in values.items() if value != 0 or isinstance(value, bool)}
    try:
        settings = msgspec.convert(values, Settings, dec_hook=_secret)
    except msgspec.ValidationError as error:
        key, problem = _readable(str(error))
        where = f"environment: {environment_name(key)}" if key in overrides else f"{path}: {key}"
        raise ConfigError(f"{where}: {problem}") from None
    return _checked(settings, path, to_collect=to_collect)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text: {error.reason} at byte {error.start}") from None
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno} column {error.colno}: {error.msg}") from None
    except ValueError:
        raise ConfigError(f"{path}: a number has too many digits") from None
    except RecursionError:
        raise ConfigError(f"{path}: nested too deeply") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: not a JSON object with keys such as toUrl and influxUrls")
    return values


def _plain(key: str) -> str:
    return key.replace("_", "").lower()


def _canonical(
    values: Mapping[str, Any], known: Iterable[str], where: str, *, keep_null: bool = False
) -> dict[str, Any]:
    """Return the values under our spelling of their keys; a null counts as an absent key."""
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
    """Return the variable that overrides a key: `toUrl` → `TSTATS_TO_URL`."""
    return ENVIRONMENT_PREFIX + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).upper()


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    names = {environment_name(key): key for key in _FIELDS}
    values: dict[str, Any] = {}
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_SETTINGS:
            continue
        key = names.get(variable)
        if key is None:
            raise ConfigError(f"environment: unknown variable {_with_suggestion(variable, names)}")
        values[key] = _typed(_FIELDS[key].type, text)
    return values


def _typed(kind: Any, text: str) -> Any:  # noqa: ANN401 (any setting's type and value)
    """Return the value of a variable: JSON unless the key is a string; a list may also use commas."""
    if kind in (str, Secret) or kind == str | None:
        return text
    if kind == list[str] and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # a word of a Literal, or a value that the check of types refuses


def _secret(kind: type, value: object) -> object:
    if kind is not Secret:
        raise NotImplementedError
    if not isinstance(value, str):
        raise TypeError("expected str")  # msgspec turns it into a ValidationError with the key
    return Secret(value)


def _readable(problem: str) -> tuple[str, str]:
    """Return the key and the fault in ``Expected `int`, got `str` - at `$.pollingInterval```."""
    what, _, place = problem.partition(" - at ")
    text = (what[:1].lower() + what[1:]).replace("`", "").replace("Secret", "str")
    return place.strip("`").removeprefix("$."), text


def _checked(settings: Settings, path: Path, *, to_collect: bool) -> Settings:
    if settings.kafka_config.enable:
        raise ConfigError(f"{path}: kafkaConfig.enable: Kafka is not supported yet; set it to false")
    if settings.disable_influx:
        raise ConfigError(f"{path}: disableInflux: InfluxDB is the only sink; remove the key")
    if not settings.influx_urls:
        raise ConfigError(
            f'{path}: influxUrls: at least one URL is required, such as ["http://localhost:8086"]'
        )
    _check_traffic_ops(settings, path, to_collect=to_collect)
    if settings.spool_max_bytes < _SMALLEST_SPOOL:
        raise ConfigError(f"{path}: spoolMaxBytes: must be at least {_SMALLEST_SPOOL} (1 MiB)")
    if settings.metrics_bind:
        bind_address(settings.metrics_bind, f"{path}: metricsBind")
    if bool(settings.api_tls_cert) != bool(settings.api_tls_key):
        missing = "apiTlsKey" if settings.api_tls_cert else "apiTlsCert"
        raise ConfigError(
            f"{path}: {missing}: https requires both apiTlsCert and apiTlsKey; http requires neither"
        )
    return msgspec.structs.replace(
        settings,
        to_passwd=_password(settings.to_passwd, settings.to_passwd_file, f"{path}: toPasswdFile"),
        influx_password=_password(
            settings.influx_password, settings.influx_password_file, f"{path}: influxPasswordFile"
        ),
    )


def _check_traffic_ops(settings: Settings, path: Path, *, to_collect: bool) -> None:
    if settings.to_url:
        if not re.match(r"https?://[^/@\s]+(/|$)", settings.to_url):
            raise ConfigError(f"{path}: toUrl: must be an http(s) URL without user and password")
        return
    required = f"{path}: toUrl: the URL of Traffic Ops is required"
    if to_collect:
        raise ConfigError(f"{required} to collect, such as https://to.example.com")
    if settings.summary_sink != "database":
        raise ConfigError(
            f"{required} by summarySink {settings.summary_sink!r}; without Traffic Ops use 'database'"
        )
    if settings.api_auth == "trafficOps":
        raise ConfigError(
            f"{required}, such as https://to.example.com; without Traffic Ops use apiAuth 'tokens' or 'none'"
        )


def bind_address(text: str, where: str) -> tuple[str, int]:
    """Return the host and port of `host:port`; raise ConfigError naming `where`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _HIGHEST_PORT:
        raise ConfigError(f"{where}: write host:port, such as 127.0.0.1:9105")
    return host.strip("[]"), int(port)


def _password(given: Secret, file: str, where: str) -> Secret:
    if not file:
        return given
    if given:
        raise ConfigError(f"{where}: give either the password or its file, not both")
    try:
        return read_secret(Path(file))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
