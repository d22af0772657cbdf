"""The files by which Grafana provisions itself: dashboards, their provider, and the data sources."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tstats.dashboards import data_sources
from tstats.dashboards.data_sources import Addresses
from tstats.dashboards.names import FOLDER_TITLE, FOLDER_UID
from tstats.errors import TstatsError

PASSWORD_VARIABLE = "TSTATS_INFLUX_PASSWORD"  # noqa: S105 (the name of a variable, not a password)


def files(json_models: Mapping[str, str], addresses: Addresses, *, dashboards: str) -> Mapping[str, str]:
    """Return the text of each file by its path.

    Args:
        json_models: the JSON model of each dashboard by its uid.
        addresses: for the data sources.
        dashboards: the folder, on Grafana's machine, where it will find the JSON models.
    """
    provider = {
        "apiVersion": 1,
        "providers": [
            {
                "name": FOLDER_UID,
                "folder": FOLDER_TITLE,
                "folderUid": FOLDER_UID,
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 30,
                "options": {"path": _escaped(dashboards)},
            }
        ],
    }
    escaped = Addresses(
        influx=_escaped(addresses.influx),
        influx_user=_escaped(addresses.influx_user),
        prometheus=_escaped(addresses.prometheus),
    )
    password = f"${{{PASSWORD_VARIABLE}}}"
    sources = {
        "apiVersion": 1,
        "datasources": [source.settings(escaped, password=password) for source in data_sources.ALL],
    }
    return {
        **{f"dashboards/{uid}.json": text for uid, text in json_models.items()},
        "provisioning/dashboards/tstats.yaml": _yaml(provider),
        "provisioning/datasources/tstats.yaml": _yaml(sources),
    }


def export(folder: Path, wanted: Mapping[str, str]) -> Iterator[tuple[Path, bool]]:
    """Write files into a folder, which is created when it is missing.

    Args:
        folder: where to write.
        wanted: the text of each file by its path in the folder.

    Yields:
        Each file and whether it was written: a file that has its text already is left alone.

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
            # Grafana reads the folder at any time and must not see half a file.
            unfinished = file.with_name(f".{file.name}.new")
            unfinished.write_bytes(text.encode())
            unfinished.replace(file)
        except OSError as error:
            raise TstatsError(f"{file} cannot be written: {error.strerror}; choose another folder") from error
        yield file, True


def _escaped(text: str) -> str:
    """Return a text in which Grafana finds no variables of its environment."""
    return text.replace("$", "$$")


def _yaml(document: Mapping[str, object]) -> str:
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(value: object) -> Iterator[str]:
    """Yield mappings and lists in block style, and anything else as JSON, which is valid YAML."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, dict | list):
                yield f"{key}:"
                yield from (f"  {line}" for line in _lines(inner))
            else:
                yield f"{key}: {json.dumps(inner, ensure_ascii=False)}"
    elif isinstance(value, list):
        for inner in value:
            yield from (f"{'  ' if number else '- '}{line}" for number, line in enumerate(_lines(inner)))
    else:
        yield json.dumps(value, ensure_ascii=False)
