"""Dashboards as Grafana sees them: panels, targets, and what Grafana fills into the queries."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tstats.dashboards.data_sources import ALL, DataSource
from tstats.dashboards.json_models import json_models

Json = Mapping[str, Any]
SOURCES = {source.uid: source for source in ALL}
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


def dashboards() -> dict[str, Json]:
    """Return each dashboard by its uid."""
    return {uid: json.loads(text) for uid, text in json_models().items()}


def panels(dashboard: Json) -> list[Json]:
    """Return the panels of a dashboard without its rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelTarget:
    """A target of a panel: a query of a data source, or arithmetic over others (`source` is None)."""

    dashboard: str
    panel: Json
    json: Json
    source: DataSource | None

    def __str__(self) -> str:
        return f"{self.dashboard} / {self.panel['title']} / {self.json['refId']}"


def targets(uid: str, dashboard: Json) -> Iterator[PanelTarget]:
    """Yield every target of every panel."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            source = SOURCES.get(target["datasource"]["uid"])
            yield PanelTarget(dashboard=uid, panel=panel, json=target, source=source)


def pattern(values: Sequence[str]) -> str:
    """Return what Grafana puts for a variable with several chosen values into an InfluxQL query."""
    return "(" + "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in values) + ")"


def filled(query: str, *, start: int, end: int, interval: str, variables: Mapping[str, str]) -> str:
    """Return a query as InfluxDB gets it.

    Args:
        query: the query in the dashboard.
        start: the start of the time range, in ns.
        end: the end of the time range, in ns, which Grafana includes.
        interval: what Grafana computes from the width of the panel and the range.
        variables: the pattern of each variable.

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
