"""What changes for a configuration of Go's traffic_stats, and the same configuration for tstats."""

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
_NOWHERE = ("null", "")  # in Go's file; in that of tstats it is null


class NoteKind(StrEnum):
    """What becomes of a key."""

    SAME = "means the same"
    CHANGED = "changes"
    REFUSED = "refused"
    IGNORED = "ignored"
    INSECURE = "insecure"
    WORTH_SETTING = "worth setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationNote:
    """Something to know about a key; `text` never holds a password, and is empty if the kind says it all."""

    kind: NoteKind
    key: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMigration:
    """What happens to a configuration of Go's traffic_stats.

    Attributes:
        notes: by kind, in the order of `NoteKind`.
        problem: why tstats collect does not start with the file as it is; None if it does.
        converted: the settings without what tstats refuses or ignores, and with what keeps Go's behaviour.
    """

    notes: tuple[MigrationNote, ...]
    problem: str | None
    converted: Mapping[str, Any]

    def of(self, kind: NoteKind) -> tuple[MigrationNote, ...]:
        """Return the notes of one kind."""
        return tuple(note for note in self.notes if note.kind is kind)


def plan_migration(path: Path) -> ConfigMigration:
    """Read a configuration of Go's traffic_stats and plan its migration; write nothing.

    Raises:
        ConfigError: it cannot be read, or is not a JSON object.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: invalid traffic_stats.cfg; it must be a JSON object")
    problem = None
    try:
        config.load(path, {}, to_collect=True)
    except ConfigError as error:
        problem = str(error)
    notes, converted = _converted(values)
    order = list(NoteKind)
    return ConfigMigration(
        notes=tuple(sorted(notes, key=lambda note: order.index(note.kind))),
        problem=problem,
        converted=converted,
    )


def _converted(values: Mapping[str, Any]) -> tuple[list[MigrationNote], dict[str, Any]]:
    notes: list[MigrationNote] = []
    kept: dict[str, Any] = {}
    for given, value in values.items():
        key = _spelled(given)
        if value is None:
            continue
        if key is None:
            notes.append(MigrationNote(kind=NoteKind.REFUSED, key=given, text=_unknown(given)))
        elif key in ("kafkaConfig", "disableInflux", "seelogConfig"):
            notes.append(_obsolete(key, value))
        elif key == "logs" and isinstance(value, dict):
            kept[key], log_notes = _logs(value)
            notes += log_notes
        elif (fault := _fault(key, value)) is not None:
            notes.append(
                MigrationNote(
                    kind=NoteKind.REFUSED, key=key, text=f"{fault}; without it, the default applies"
                )
            )
        else:
            kept[key] = value
            notes.append(MigrationNote(kind=NoteKind.SAME, key=key))
    if "summarySink" not in kept:
        kept["summarySink"] = "trafficOps"
    notes += [
        MigrationNote(kind=kind, key=key, text=text)
        for kind, found in (
            (NoteKind.CHANGED, _changes(kept, values)),
            (NoteKind.INSECURE, _insecure(kept)),
            (NoteKind.WORTH_SETTING, _worth_setting(kept)),
        )
        for key, text in found
    ]
    return notes, kept


def _spelled(key: str) -> str | None:
    """Return a key as tstats spells it; None if there is no such key."""
    return _SPELLED.get(key.replace("_", "").lower())


def _unknown(key: str) -> str:
    near = difflib.get_close_matches(key, _FIELDS, n=1)
    suggestion = f" (did you mean {near[0]}?)" if near else ""
    return f"Go does not know this key either, and ignores it{suggestion}"


def _obsolete(key: str, value: object) -> MigrationNote:
    """Return the note on a key that has no effect in tstats, or asks for what tstats does not do."""
    if key == "seelogConfig":
        text = (
            "log lines go where the key logs says; by default to stderr, which systemd keeps in its journal"
        )
        return MigrationNote(kind=NoteKind.IGNORED, key=key, text=text)
    if key == "disableInflux":
        if value is not True:
            return MigrationNote(kind=NoteKind.IGNORED, key=key, text="tstats always writes to InfluxDB")
        return MigrationNote(kind=NoteKind.REFUSED, key=key, text="tstats writes points to InfluxDB only")
    enabled = isinstance(value, dict) and value.get("enable") is True
    if enabled:
        text = "tstats does not write to Kafka: consumers of the topic still need Go's traffic_stats"
        return MigrationNote(kind=NoteKind.REFUSED, key="kafkaConfig.enable", text=text)
    return MigrationNote(kind=NoteKind.IGNORED, key=key, text="it is off, and tstats does not write to Kafka")


def _logs(given: Mapping[str, Any]) -> tuple[dict[str, str | None], list[MigrationNote]]:
    """Return the same destinations, and notes: Go does not log a level that its file does not name."""
    notes = []
    kept: dict[str, str | None] = dict.fromkeys(sorted(_LEVELS))
    for name, value in given.items():
        if name.lower() not in _LEVELS:
            notes.append(MigrationNote(kind=NoteKind.REFUSED, key=f"logs.{name}", text="no such log level"))
        elif value is not None and not isinstance(value, str):
            notes.append(MigrationNote(kind=NoteKind.REFUSED, key=f"logs.{name}", text="expected a string"))
        else:
            kept[name.lower()] = None if value in _NOWHERE else value
    missing = sorted(_LEVELS - {name.lower() for name in given} - {"debug", "event"})
    if missing:
        text = f"{', '.join(missing)} not set: not logged by Go, logged to stderr by tstats"
        notes.append(MigrationNote(kind=NoteKind.CHANGED, key="logs", text=text))
    return kept, notes or [MigrationNote(kind=NoteKind.SAME, key="logs")]


def _fault(key: str, value: object) -> str | None:
    """Return why tstats refuses the value of a key, without the value; None if it does not."""
    if value == 0 and not isinstance(value, bool):
        return None  # the default, as in Go
    try:
        msgspec.convert(value, _FIELDS[key].type, dec_hook=_secret)
    except msgspec.ValidationError as error:
        return str(error).partition(" - at ")[0].replace("`", "").replace("Secret", "str").lower()
    return None


def _secret(kind: type, value: object) -> object:
    if kind is not Secret or not isinstance(value, str):
        raise TypeError("Expected str")
    return Secret(value)


def _changes(kept: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that Go and tstats take differently, each with a text."""
    if not kept.get("statusToMon"):
        yield "statusToMon", "not set: Go then polls no monitors, tstats polls those that are ONLINE"
    if len(_urls(kept)) > 1 and "influxWriteMode" not in kept:
        yield (
            "influxUrls",
            "Go picks one at random for each write; tstats stays with one as long as it answers",
        )
    if any(url.startswith("udp://") for url in _urls(kept)):
        yield (
            "influxUrls",
            "tstats writes to udp:// URLs as Go does; rollups and summaries need an http:// URL",
        )
    if "summarySink" not in map(_spelled, values):
        yield (
            "summarySink",
            (
                "Go posts the summaries to Traffic Ops; by default tstats writes them to its own SQL database"
                ' (the converted file sets "trafficOps")'
            ),
        )


def _insecure(kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that put a password at risk, each with a text."""
    for key, file in _PASSWORDS.items():
        if kept.get(key):
            variable = config.environment_name(key)
            yield key, f"the password is in this file; put it in a file of its own ({file}) or in {variable}"
    url = str(kept.get("toUrl", ""))
    if url.startswith("https://") and not kept.get("toInsecure") and not kept.get("toCaCert"):
        yield (
            "toUrl",
            (
                "Go does not verify the certificate of Traffic Ops, but tstats does: if a CA of your own"
                " signed it, set toCaCert to the certificate of that CA"
            ),
        )
    if url.startswith("http://"):
        yield "toUrl", "the password is sent in clear text: use https://"
    if kept.get("influxUser") and any(url.startswith("http://") for url in _urls(kept)):
        yield "influxUrls", "the password is sent in clear text with http://"


def _worth_setting(kept: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of tstats that are worth setting, each with a text."""
    several = len(_urls(kept)) > 1
    for key, wanted, text in (
        (
            "spoolDirectory",
            True,
            "where batches wait on disk; by default tstats-spool in the working directory",
        ),
        ("spoolMaxBytes", True, "how much room they may take; by default 1 GiB, at about 9 bytes per point"),
        ("influxWriteMode", several, '"all" writes each batch to every one of influxUrls'),
        ("metricsBind", True, "such as 127.0.0.1:9105, for /metrics and /healthz"),
        ("logFormat", True, '"json" for log collectors'),
    ):
        if wanted and key not in kept:
            yield key, text


def _urls(kept: Mapping[str, Any]) -> Sequence[str]:
    urls = kept.get("influxUrls", [])
    return list(urls) if isinstance(urls, list) else []
