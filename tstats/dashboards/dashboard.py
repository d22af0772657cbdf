"""A dashboard: its variables, its panels in rows, and its links to the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from tstats.core.model import Rollup
from tstats.dashboards.data_sources import INFLUX
from tstats.dashboards.names import TAG, DashboardName
from tstats.dashboards.panels import Panel
from tstats.dashboards.queries import tag_values
from tstats.dashboards.targets import reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable: the values of a tag, of which people choose any number.

    Attributes:
        tag: the tag, which is also the name of the variable.
        label: what people read.
        rollup: where the values are.
        all_at_first: whether all values are chosen at first, or only the first of them.
    """

    tag: str
    label: str
    rollup: Rollup
    all_at_first: bool = True

    def build(self, *within: str) -> dashboard.QueryVariable:
        """Return the variable, narrowed by the variables `within`, as the SDK takes it."""
        variable = (
            dashboard.QueryVariable(self.tag)
            .label(self.label)
            .datasource(reference(INFLUX[self.rollup.database]))
            .query(tag_values(self.rollup, self.tag, *within))
            .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
            .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
            .multi(True)
            .include_all(True)
            # A single pattern: InfluxDB copes badly with thousands of names in a query.
            .all_value(".*")
        )
        if self.all_at_first:
            variable.current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        return variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The title of the panels that follow, up to the next row.

    Attributes:
        id: unique among the rows and panels of its dashboard.
        title: what people read.
    """

    id: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard as data.

    Attributes:
        name: its uid and title.
        description: whom it is for, and which question it answers.
        variables: each is narrowed by those before it.
        panels: the most important first, with rows in between.
        since: the start of the initial time range: `now-24h`.
        refresh: how often to query again; empty for never.
        timezone: `browser`, or `utc` where days are those of UTC.
    """

    name: DashboardName
    description: str
    variables: Sequence[Variable]
    panels: Sequence[Panel | Row]
    since: str = "now-24h"
    refresh: str = "1m"
    timezone: str = "browser"

    def json_model(self) -> str:
        """Return Grafana's JSON model of it, the same text each time."""
        model = self._build().build()
        return json.dumps(model, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _build(self) -> dashboard.Dashboard:
        tags = [variable.tag for variable in self.variables]
        built = (
            dashboard.Dashboard(self.name.title)
            .uid(self.name.uid)
            .description(self.description)
            .tags([TAG, "traffic-control"])
            .timezone(self.timezone)
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .time(self.since, "now")
            .refresh(self.refresh)
            .editable()
            .variables([variable.build(*tags[:number]) for number, variable in enumerate(self.variables)])
            .link(_links_to_others())
        )
        for panel in self.panels:
            if isinstance(panel, Row):
                built.with_row(dashboard.Row(panel.title).id(panel.id))
            else:
                built.with_panel(panel.build())
        return built


def _links_to_others() -> dashboard.DashboardLink:
    """Return the links to all dashboards of tstats, which keep the variables and the time range."""
    return (
        dashboard.DashboardLink("Traffic Control")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )
