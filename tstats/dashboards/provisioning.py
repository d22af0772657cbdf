"""The files from which Grafana provisions itself: dashboards, their provider, and the data sources."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tstats.dashboards import data_sources
from tstats.dashboards.names import FOLDER
from tstats.errors import TstatsError

PASSWORD_VARIABLE = "TSTATS_INFLUX_PASSWORD"  # noqa: S105 (the name of a variable, not a password)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where Grafana's server reaches what it asks.

    Attributes:
        influx: the URL of InfluxDB.
        influx_user: empty for one without authentication.
        prometheus: the URL of Prometheus.
    """

    influx: str
    influx_user: str = ""
    prometheus: str


def files(texts: Mapping[str, str], addresses: Addresses, *, dashboards: str) -> Mapping[str, str]:
    """The text of each file by its path.

    Args:
        texts: the JSON of each dashboard by its uid.
        addresses: for the data sources.
        dashboards: the folder, on Grafana's machine, in which it will find the JSON files.
    """
    provider = {
        "apiVersion": 1,
        "providers": [
            {
                "name": FOLDER.uid,
                "folder": FOLDER.title,
                "folderUid": FOLDER.uid,
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": _escaped(dashboards)},
            }
        ],
    }
    listed = {
        "apiVersion": 1,
        "datasources": [
            data_sources.settings(
                source,
                influx_url=_escaped(addresses.influx),
                influx_user=_escaped(addresses.influx_user),
                prometheus_url=_escaped(addresses.prometheus),
                password=f"${{{PASSWORD_VARIABLE}}}",
            )
            for source in data_sources.ALL
        ],
    }
    return {
        **{f"dashboards/{uid}.json": text for uid, text in texts.items()},
        "provisioning/dashboards/tstats.yaml": _yaml(provider),
        "provisioning/datasources/tstats.yaml": _yaml(listed),
    }


def export(folder: Path, wanted: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
    """Write files into a folder, which is made where it is missing.

    Yields:
        Each file, and whether it was written: one that has its text already is left alone.

    Raises:
        TstatsError: a file cannot be read or written; the text names it.
    """
    for name, text in wanted.items():
        file = folder / name
        try:
            if file.is_file() and file.read_bytes() == text.encode():
                yield file, False
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            # Grafana looks into the folder at any time: it shall see no half of a file.
            unfinished = file.with_name(f".{file.name}.new")
            unfinished.write_bytes(text.encode())
            unfinished.replace(file)
        except OSError as error:
            raise TstatsError(f"{file} cannot be written: {error.strerror}; choose another folder") from error
        yield file, True


def _escaped(text: str) -> str:
    """A text in which Grafana sees no variable of its environment."""
    return text.replace("$", "$$")


def _yaml(document: Mapping[str, object]) -> str:
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(value: object) -> Iterator[str]:
    """Mappings and lists in block style; all else as JSON, which YAML reads."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                yield f"{key}:"
                yield from (f"  {line}" for line in _lines(inner))
            else:
                yield f"{key}: {json.dumps(inner, ensure_ascii=False)}"
    elif isinstance(value, list):
        for inner in value:
            yield from (f"{'- ' if first else '  '}{line}" for first, line in _marked(inner))
    else:
        yield json.dumps(value, ensure_ascii=False)


def _marked(value: object) -> Iterator[tuple[bool, str]]:
    for number, line in enumerate(_lines(value)):
        yield number == 0, line
