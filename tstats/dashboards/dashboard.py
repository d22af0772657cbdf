"""A dashboard: its variables, its panels in rows, and the links to the others."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from tstats.core.model import Rollup
from tstats.dashboards.names import TAG, Name
from tstats.dashboards.queries import tag_values
from tstats.dashboards.targets import influx_reference

_ROW_NUMBERS = 1_000  # above those of panels


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A variable: the values of a tag of a rollup, of which people choose any number.

    Attributes:
        tag: which; the variable has its name.
        label: what people read.
        rollup: where the values are.
        within: tags chosen before this one, which narrow it.
        all_at_first: all values are chosen at first; else Grafana takes the first of them.
    """

    tag: str
    label: str
    rollup: Rollup
    within: tuple[str, ...] = ()
    all_at_first: bool = True

    def built(self) -> dashboard.QueryVariable:
        """As it stands in a dashboard."""
        made = (
            dashboard.QueryVariable(self.tag)
            .label(self.label)
            .datasource(influx_reference(self.rollup.database))
            .query(tag_values(self.rollup, self.tag, *self.within))
            .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
            .sort(VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
            .multi(True)
            .include_all(True)
            # One pattern: thousands of names in a query would be more than InfluxDB likes to read.
            .all_value(".*")
        )
        if self.all_at_first:
            made.current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels under a title; a row without one has no line of its own."""

    title: str = ""
    panels: Sequence[Builder[Panel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard as data.

    Attributes:
        name: its uid and title.
        description: for whom it is, and for which question.
        choices: the variables, each before those that it narrows.
        rows: what matters first comes first.
        since: the range that it opens with: `now-24h`.
        refresh: how often it asks anew; empty never.
        timezone: `browser`, or `utc` where days are those of UTC.
    """

    name: Name
    description: str
    choices: Sequence[Choice]
    rows: Sequence[Row]
    since: str = "now-24h"
    refresh: str = "1m"
    timezone: str = "browser"

    def text(self) -> str:
        """Its JSON, the same text each time."""
        built = self._builder().build()
        return json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def _builder(self) -> dashboard.Dashboard:
        made = (
            dashboard.Dashboard(self.name.title)
            .uid(self.name.uid)
            .description(self.description)
            .tags([TAG, "traffic-control"])
            .timezone(self.timezone)
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .time(self.since, "now")
            .refresh(self.refresh)
            .editable()
            .variables([choice.built() for choice in self.choices])
            .link(_others())
        )
        for number, row in enumerate(self.rows, _ROW_NUMBERS):
            if row.title:
                made.with_row(dashboard.Row(row.title).id(number))
            for panel in row.panels:
                made.with_panel(panel)
        return made


def _others() -> dashboard.DashboardLink:
    """A link to each of our dashboards, with what is chosen here and the range."""
    return (
        dashboard.DashboardLink("Traffic Control")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )
