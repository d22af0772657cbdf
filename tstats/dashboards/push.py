"""Pushes dashboards and data sources to a Grafana; whatever is right already is left alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tstats import __version__
from tstats.core.secret import Secret
from tstats.dashboards import data_sources
from tstats.dashboards.data_sources import Addresses
from tstats.dashboards.grafana import Grafana
from tstats.dashboards.names import FOLDER_TITLE, FOLDER_UID


class PushOutcome(StrEnum):
    """What a push did to an object in Grafana."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """An object in Grafana, and what the push did to it."""

    what: str
    outcome: PushOutcome


def push(grafana: Grafana, json_models: Mapping[str, str], *, folder: str = FOLDER_UID) -> Iterator[Pushed]:
    """Create or update each dashboard in a folder, which is created when it is missing.

    A dashboard is recognized by its uid. What somebody changed in it is replaced, and stays in its history.

    Args:
        grafana: where.
        json_models: the JSON model of each dashboard by its uid.
        folder: the uid of the folder.

    Yields:
        What was done, as it is done.

    Raises:
        UnreachableError, RefusedError, ServerError: as `Grafana`; what was yielded before is done.
    """
    exists = grafana.folder(folder) is not None
    if not exists:
        grafana.create_folder(folder, FOLDER_TITLE if folder == FOLDER_UID else folder)
    yield Pushed(what=f"folder {folder}", outcome=_created_unless(exists))
    for uid, text in json_models.items():
        wanted: dict[str, object] = json.loads(text)
        found = grafana.dashboard(uid)
        if found is not None and found[1] == folder and _contains(found[0], wanted):
            outcome = PushOutcome.UNCHANGED
        else:
            grafana.save_dashboard(wanted, folder=folder, message=f"tstats {__version__}")
            outcome = PushOutcome.CREATED if found is None else PushOutcome.UPDATED
        yield Pushed(what=f"dashboard {uid}", outcome=outcome)


def push_data_sources(grafana: Grafana, addresses: Addresses, password: Secret) -> Iterator[Pushed]:
    """Create the data sources that are missing; an existing one stays as somebody has set it up.

    Yields:
        What was done, as it is done.

    Raises:
        UnreachableError, RefusedError, ServerError: as `Grafana`; what was yielded before is done.
    """
    for source in data_sources.ALL:
        exists = grafana.has_data_source(source.uid)
        if not exists:
            grafana.create_data_source(source.settings(addresses, password=password.reveal()))
        yield Pushed(what=f"data source {source.uid}", outcome=_created_unless(exists))


def _created_unless(existed: bool) -> PushOutcome:  # noqa: FBT001 (its only argument)
    return PushOutcome.UNCHANGED if existed else PushOutcome.CREATED


def _contains(found: object, wanted: object) -> bool:
    """Return whether all that is wanted is there; Grafana adds keys of its own (id, version) and defaults."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and _contains(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_contains, found, wanted))
    return found == wanted
