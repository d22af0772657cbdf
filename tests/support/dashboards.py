"""Dashboards as Grafana sees them: their panels, their questions, and what it fills into these."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tstats.dashboards.data_sources import ALL, DataSource
from tstats.dashboards.json_models import texts

Json = Mapping[str, Any]
SOURCES = {source.uid: source for source in ALL}
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def boards() -> dict[str, Json]:
    """Each dashboard by its uid."""
    return {uid: json.loads(text) for uid, text in texts().items()}


def panels(board: Json) -> list[Json]:
    """Its panels, without the lines between them."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question of a panel: to a data source, or arithmetic over others (`source` is None)."""

    board: str
    panel: Json
    target: Json
    source: DataSource | None

    def __str__(self) -> str:
        return f"{self.board} / {self.panel['title']} / {self.target['refId']}"


def asked(uid: str, board: Json) -> Iterator[Asked]:
    """Every question of every panel."""
    for panel in panels(board):
        for target in panel["targets"]:
            source = SOURCES.get(target["datasource"]["uid"])
            yield Asked(board=uid, panel=panel, target=target, source=source)


def pattern(values: Sequence[str]) -> str:
    """What stands for a variable of which several values are chosen, in a query to InfluxDB."""
    return "(" + "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in values) + ")"


def filled(query: str, *, start: int, end: int, interval: str, variables: Mapping[str, str]) -> str:
    """A query as InfluxDB gets it.

    Args:
        query: as it stands in the dashboard.
        start: of the range, in ns.
        end: of the range, in ns; it belongs to the range.
        interval: what the width of a panel makes of the range.
        variables: the pattern of each.

    Raises:
        AssertionError: something is left that Grafana would not fill in.
    """
    known = {
        "timeFilter": f"time >= {start // 10**6}ms and time <= {end // 10**6}ms",
        "__interval": interval,
        **variables,
    }
    text = re.sub(r"\$(\w+)", lambda found: known.get(found[1], found[0]), query)
    assert not re.search(r"\$(?!/)", text), text
    return text
