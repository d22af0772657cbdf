"""Brings dashboards into a Grafana: what is there already and right is left alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tstats import __version__
from tstats.core.secret import Secret
from tstats.dashboards import data_sources
from tstats.dashboards.grafana import Grafana
from tstats.dashboards.names import FOLDER
from tstats.dashboards.provisioning import Addresses


class Outcome(StrEnum):
    """What became of a thing."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A thing in Grafana, and what became of it."""

    what: str
    outcome: Outcome


def push(grafana: Grafana, texts: Mapping[str, str], *, folder: str = FOLDER.uid) -> Iterator[Pushed]:
    """Create or update each dashboard in a folder, which is made where it is missing.

    A dashboard is ours by its uid: what somebody changed in it is replaced, and stays in its history.

    Args:
        grafana: where.
        texts: the JSON of each dashboard by its uid.
        folder: the uid of the folder.

    Yields:
        What was done, as it is done.

    Raises:
        UnreachableError, RefusedError, ServerError: as `Grafana`; what was yielded before is done.
    """
    there = grafana.folder(folder)
    if there is None:
        grafana.make_folder(folder, FOLDER.title if folder == FOLDER.uid else folder)
    yield Pushed(what=f"folder {folder}", outcome=Outcome.CREATED if there is None else Outcome.UNCHANGED)
    for uid, text in texts.items():
        wanted: dict[str, object] = json.loads(text)
        found = grafana.dashboard(uid)
        if found is not None and found[1] == folder and _holds(found[0], wanted):
            outcome = Outcome.UNCHANGED
        else:
            grafana.save_dashboard(wanted, folder=folder, message=f"tstats {__version__}")
            outcome = Outcome.CREATED if found is None else Outcome.UPDATED
        yield Pushed(what=f"dashboard {uid}", outcome=outcome)


def push_sources(grafana: Grafana, addresses: Addresses, password: Secret) -> Iterator[Pushed]:
    """Create the data sources that are missing; one that is there stays as somebody has set it up.

    Yields:
        What was done, as it is done.

    Raises:
        UnreachableError, RefusedError, ServerError: as `Grafana`; what was yielded before is done.
    """
    for source in data_sources.ALL:
        there = grafana.has_data_source(source.uid)
        if not there:
            settings = data_sources.settings(
                source,
                influx_url=addresses.influx,
                influx_user=addresses.influx_user,
                prometheus_url=addresses.prometheus,
                password=password.reveal(),
            )
            grafana.make_data_source(settings)
        outcome = Outcome.UNCHANGED if there else Outcome.CREATED
        yield Pushed(what=f"data source {source.uid}", outcome=outcome)


def _holds(found: object, wanted: object) -> bool:
    """Whether all that is wanted is there; Grafana adds keys of its own (id, version) and defaults."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and _holds(found[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_holds, found, wanted))
    return found == wanted
