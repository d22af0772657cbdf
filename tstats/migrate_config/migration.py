"""What changes for who brings a file of Go's traffic_stats, and the file as tstats would have it."""

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from tstats.config import loading as config
from tstats.config.settings import Logs, Settings
from tstats.core.secret import Secret
from tstats.errors import ConfigError

_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
_SPELLED = {key.lower(): key for key in _FIELDS}
_LEVELS = {field.encode_name for field in msgspec.structs.fields(Logs)}
_PASSWORDS = {"toPasswd": "toPasswdFile", "influxPassword": "influxPasswordFile"}
_NOWHERE = ("null", "")  # Go's words; a file of tstats says null


class Kind(StrEnum):
    """What becomes of a key."""

    SAME = "means the same"
    CHANGED = "changes"
    REFUSED = "refused"
    IGNORED = "ignored"
    INSECURE = "insecure"
    WORTH_SETTING = "worth setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One thing to know; `text` is empty where the kind says it all, and never holds a password."""

    kind: Kind
    key: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A file of Go's, seen from tstats.

    Attributes:
        notes: by kind, in the order of `Kind`.
        problem: why tstats collect does not start with the file as it is; None where it does.
        converted: the same settings without what tstats refuses or ignores, with what keeps Go's behaviour.
    """

    notes: tuple[Note, ...]
    problem: str | None
    converted: Mapping[str, Any]

    def of(self, kind: Kind) -> tuple[Note, ...]:
        """The notes of one kind."""
        return tuple(note for note in self.notes if note.kind is kind)


def read(path: Path) -> Move:
    """Read a file of Go's.

    Raises:
        ConfigError: it cannot be read, or is no JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: no JSON object, which a traffic_stats.cfg is")
    problem = None
    try:
        config.load(path, {}, to_collect=True)
    except ConfigError as error:
        problem = str(error)
    notes, converted = _moved(values)
    order = list(Kind)
    return Move(
        notes=tuple(sorted(notes, key=lambda note: order.index(note.kind))),
        problem=problem,
        converted=converted,
    )


def _moved(values: Mapping[str, Any]) -> tuple[list[Note], dict[str, Any]]:
    notes: list[Note] = []
    kept: dict[str, Any] = {}
    for given, value in values.items():
        key = _SPELLED.get(given.replace("_", "").lower())
        if value is None:
            continue
        if key is None:
            notes.append(Note(kind=Kind.REFUSED, key=given, text=_unknown(given)))
        elif key in ("kafkaConfig", "disableInflux", "seelogConfig"):
            notes.append(_given_up(key, value))
        elif key == "logs" and isinstance(value, dict):
            kept[key], told = _logs(value)
            notes += told
        elif (fault := _fault(key, value)) is not None:
            notes.append(Note(kind=Kind.REFUSED, key=key, text=f"{fault}; without it the default holds"))
        else:
            kept[key] = value
            notes.append(Note(kind=Kind.SAME, key=key))
    if "summarySink" not in kept:
        kept["summarySink"] = "trafficOps"
    return [*notes, *_changes(kept, values), *_insecure(kept), *_worth_setting(kept)], kept


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, _FIELDS, n=1)
    meant = f" (is {near[0]} meant?)" if near else ""
    return f"Go does not know this key either, and passes over it{meant}"


def _given_up(key: str, value: object) -> Note:
    """A key of Go's that has no effect here, or asks for what tstats does not do."""
    if key == "seelogConfig":
        text = "log lines go where logs says, by default to stderr, which systemd keeps in its journal"
        return Note(kind=Kind.IGNORED, key=key, text=text)
    if key == "disableInflux":
        if value is not True:
            return Note(kind=Kind.IGNORED, key=key, text="InfluxDB is always written to")
        return Note(
            kind=Kind.REFUSED, key=key, text="InfluxDB is the only place that tstats writes points to"
        )
    enabled = isinstance(value, dict) and value.get("enable") is True
    if enabled:
        text = "nothing is sent to Kafka: who reads from there still needs Go's traffic_stats"
        return Note(kind=Kind.REFUSED, key="kafkaConfig.enable", text=text)
    return Note(kind=Kind.IGNORED, key=key, text="it is off; nothing is sent to Kafka")


def _logs(given: Mapping[str, Any]) -> tuple[dict[str, str | None], list[Note]]:
    """The same destinations: in Go's, a level that is not named goes nowhere."""
    notes = []
    kept: dict[str, str | None] = dict.fromkeys(sorted(_LEVELS))
    for name, value in given.items():
        if name.lower() not in _LEVELS:
            notes.append(Note(kind=Kind.REFUSED, key=f"logs.{name}", text="there is no such level"))
        elif value is not None and not isinstance(value, str):
            notes.append(Note(kind=Kind.REFUSED, key=f"logs.{name}", text="a text is expected"))
        else:
            kept[name.lower()] = None if value in _NOWHERE else value
    missing = sorted(_LEVELS - {name.lower() for name in given} - {"debug", "event"})
    if missing:
        text = f"{', '.join(missing)} not named: nowhere in Go's, stderr in tstats"
        notes.append(Note(kind=Kind.CHANGED, key="logs", text=text))
    return kept, notes or [Note(kind=Kind.SAME, key="logs")]


def _fault(key: str, value: object) -> str | None:
    """Why tstats refuses a value of a key that it knows; the text never holds one of a password."""
    if value == 0 and not isinstance(value, bool):
        return None  # the default, as in Go's
    try:
        msgspec.convert(value, _FIELDS[key].type, dec_hook=_secret)
    except msgspec.ValidationError as error:
        return str(error).partition(" - at ")[0].replace("`", "").replace("Secret", "str").lower()
    return None


def _secret(kind: type, value: object) -> object:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError("Expected str")
    return Secret(value)


def _changes(kept: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Note]:
    def note(key: str, text: str) -> Note:
        return Note(kind=Kind.CHANGED, key=key, text=text)

    if not kept.get("statusToMon"):
        yield note("statusToMon", "not given: Go asks no monitor then, tstats those that are ONLINE")
    if len(_urls(kept)) > 1 and "influxWriteMode" not in kept:
        yield note(
            "influxUrls", "Go picks one at random for each write; tstats stays with one while it answers"
        )
    if any(url.startswith("udp://") for url in _urls(kept)):
        yield note(
            "influxUrls", "a udp:// one is written to as before; rollups and summaries need an http:// one"
        )
    if not any(given.replace("_", "").lower() == "summarysink" for given in values):
        yield note(
            "summarySink",
            "Go posts the summaries to Traffic Ops; the default of tstats is a SQL database of its own"
            ' (the converted file says "trafficOps")',
        )


def _insecure(kept: Mapping[str, Any]) -> Iterator[Note]:
    def note(key: str, text: str) -> Note:
        return Note(kind=Kind.INSECURE, key=key, text=text)

    for key, file in _PASSWORDS.items():
        if kept.get(key):
            variable = config.environment_name(key)
            yield note(key, f"the password is in the file; {file} names a file of its own, or use {variable}")
    if (
        str(kept.get("toUrl", "")).startswith("https://")
        and not kept.get("toInsecure")
        and not kept.get("toCaCert")
    ):
        yield note(
            "toUrl",
            "Go does not verify Traffic Ops' certificate, tstats does: where it is signed by one of your own,"
            " name that in toCaCert",
        )
    if str(kept.get("toUrl", "")).startswith("http://"):
        yield note("toUrl", "the password crosses the network in clear: use https://")
    if kept.get("influxUser") and any(url.startswith("http://") for url in _urls(kept)):
        yield note("influxUrls", "the password crosses the network in clear with http://")


def _worth_setting(kept: Mapping[str, Any]) -> Iterator[Note]:
    several = len(_urls(kept)) > 1
    for key, wanted, text in (
        (
            "spoolDirectory",
            True,
            "where batches wait on disk; without it, tstats-spool in the working directory",
        ),
        ("spoolMaxBytes", True, "the room for them, 1 GiB without it: about 9 bytes a point"),
        ("influxWriteMode", several, '"all" writes each batch to each of influxUrls'),
        ("metricsBind", True, "127.0.0.1:9105, say, for /metrics and /healthz"),
        ("logFormat", True, '"json" for log collectors'),
    ):
        if wanted and key not in kept:
            yield Note(kind=Kind.WORTH_SETTING, key=key, text=text)


def _urls(kept: Mapping[str, Any]) -> Sequence[str]:
    urls = kept.get("influxUrls", [])
    return list(urls) if isinstance(urls, list) else []
