"""The kinds of panels, all in one style."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId, GridPos

from tstats.dashboards import targets
from tstats.dashboards.names import DashboardName
from tstats.dashboards.queries import Target
from tstats.dashboards.thresholds import Thresholds, at_least

PanelBuilder = TypeVar("PanelBuilder", bargauge.Panel, stat.Panel, statetimeline.Panel, timeseries.Panel)

_FINEST = "1m"  # the interval of the rollups: a finer one would show a gap beside each point


class Unit(StrEnum):
    """Grafana's ids of the units in use."""

    KBPS = "Kbits"
    GBPS = "Gbits"
    TERABYTES = "dectbytes"
    BYTES = "bytes"
    PER_SECOND = "cps"
    REQUESTS_PER_SECOND = "reqps"
    SHARE = "percentunit"
    COUNT = "short"
    SECONDS = "s"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLink:
    """Where a click on a series leads: to the dashboard about the value of one of its tags."""

    to: DashboardName
    tag: str

    def build(self) -> dashboard.DashboardLink:
        """Return the link as the SDK takes it."""
        value = f"${{__field.labels.{self.tag}}}"
        encoded = f"${{__field.labels.{self.tag}:percentencode}}"
        return dashboard.DashboardLink(f"{self.to.title} {value}").url(
            f"{self.to.path}?${{__url_time_range}}&var-{self.tag}={encoded}"
        )


@dataclass(frozen=True, slots=True)
class Panel(ABC):
    """What all kinds of panels have in common.

    Attributes:
        id: unique in its dashboard; it never changes, because URLs contain it.
        title: what people read first.
        description: what the panel shows, and what it means when the values are bad.
        targets: the queries, in order; the first is `$A`.
        unit: the unit of all values.
        width: in columns, of 24.
        height: in grid units.
        links: where a click on a series leads.
    """

    id: int
    title: str
    description: str
    targets: Sequence[Target]
    unit: Unit
    _: KW_ONLY
    width: int = 8
    height: int = 5
    links: Sequence[DataLink] = ()

    @abstractmethod
    def build(self) -> Builder[model.Panel]:
        """Return the panel as the SDK takes it."""

    def _common(self, panel: PanelBuilder) -> PanelBuilder:
        return (
            panel.id(self.id)
            .title(self.title)
            .description(self.description)
            .datasource(targets.data_source(self.targets))
            .targets(targets.build(self.targets))
            .grid_pos(GridPos(w=self.width, h=self.height))
            .unit(self.unit)
            .display_name(targets.display_name(self.targets))
            .interval(_FINEST)
        )

    def _data_links(self) -> list[Builder[model.DashboardLink]]:
        return [link.build() for link in self.links]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(Panel):
    """Series over time. A gap in a line is an interval without points.

    Attributes:
        stacked: whether to stack the series; their sum has to mean something.
        bars: whether to draw a bar per day instead of a line.
        thresholds: the values to draw as lines.
        colors: fixed colours by the name of a series.
        dashed: a pattern for the names of series that are a bound, not traffic.
        time_from: a time range that replaces a relative one of the dashboard: `90d`, `now/d`.
        time_shift: how far to move the time range back: `7d`.
        soft_max: the smallest top of the axis.
    """

    width: int = 12
    height: int = 8
    stacked: bool = False
    bars: bool = False
    thresholds: Thresholds | None = None
    colors: Mapping[str, str] = field(default_factory=dict)
    dashed: str = ""
    time_from: str = ""
    time_shift: str = ""
    soft_max: float | None = None

    def build(self) -> timeseries.Panel:
        """Return the panel as the SDK takes it."""
        stacking = StackingMode.NORMAL if self.stacked else StackingMode.NONE
        panel = (
            self._common(timeseries.Panel())
            .min(0)
            .thresholds((self.thresholds or Thresholds()).build())
            .color_scheme(_color(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
            .data_links(self._data_links())
            .legend(_legend(["max", "sum"] if self.bars and self.stacked else ["lastNotNull", "mean", "max"]))
            .tooltip(_tooltip())
            .draw_style(GraphDrawStyle.BARS if self.bars else GraphDrawStyle.LINE)
            .show_points(VisibilityMode.AUTO)
            .fill_opacity(70 if self.bars else 25 if self.stacked else 8)
            .line_width(1)
            .span_nulls(False)
            .stacking(common.StackingConfig().mode(stacking))
        )
        if self.bars:
            panel.interval("1d")
        if self.thresholds is not None:
            panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
        if self.soft_max is not None:
            panel.axis_soft_max(self.soft_max)
        if self.time_from:
            panel.time_from(self.time_from)
        if self.time_shift:
            panel.time_shift(self.time_shift)
        for name, color in self.colors.items():
            fixed = {"mode": "fixed", "fixedColor": color}
            panel.override_by_name(name, [DynamicConfigValue(id_val="color", value=fixed)])
        if self.dashed:
            line = {"fill": "dash", "dash": [8, 6]}
            bound = [
                DynamicConfigValue(id_val="custom.lineStyle", value=line),
                DynamicConfigValue(id_val="custom.fillOpacity", value=0),
            ]
            panel.override_by_regexp(self.dashed, bound)
        return panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(Panel):
    """The latest value of each series in large type, with its history behind it.

    Attributes:
        thresholds: the colours of the background; None leaves it plain.
        no_value: what to show when there is no value.
    """

    thresholds: Thresholds | None = None
    no_value: str = "no data"

    def build(self) -> stat.Panel:
        """Return the panel as the SDK takes it."""
        mode = FieldColorModeId.THRESHOLDS if self.thresholds else FieldColorModeId.PALETTE_CLASSIC_BY_NAME
        return (
            self._common(stat.Panel())
            .min(0)
            .no_value(self.no_value)
            .thresholds((self.thresholds or Thresholds()).build())
            .color_scheme(_color(mode))
            .data_links(self._data_links())
            .color_mode(BigValueColorMode.BACKGROUND if self.thresholds else BigValueColorMode.VALUE)
            .graph_mode(BigValueGraphMode.AREA)
            .text_mode(BigValueTextMode.VALUE_AND_NAME)
            .reduce_options(_latest())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BarGauge(Panel):
    """The latest value of each series as a bar.

    Attributes:
        thresholds: the colours of the bars.
        max: the value of a full bar; None takes the largest of all series.
    """

    thresholds: Thresholds
    max: float | None = None

    def build(self) -> bargauge.Panel:
        """Return the panel as the SDK takes it."""
        panel = (
            self._common(bargauge.Panel())
            .min(0)
            .no_value("no data")
            .thresholds(self.thresholds.build())
            .color_scheme(_color(FieldColorModeId.THRESHOLDS))
            .data_links(self._data_links())
            .display_mode(BarGaugeDisplayMode.GRADIENT)
            .orientation(VizOrientation.HORIZONTAL)
            .reduce_options(_latest())
        )
        return panel if self.max is None else panel.max(self.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTimeline(Panel):
    """A line per target through time: red where the value is 0, green elsewhere."""

    def build(self) -> statetimeline.Panel:
        """Return the panel as the SDK takes it."""
        return (
            self._common(statetimeline.Panel())
            .thresholds(at_least(1).build())
            .color_scheme(_color(FieldColorModeId.THRESHOLDS))
            .show_value(VisibilityMode.NEVER)
            .merge_values(True)
            .row_height(0.8)
            .line_width(0)
            .fill_opacity(80)
            .legend(common.VizLegendOptions().show_legend(False))
            .tooltip(_tooltip())
        )


def _color(mode: FieldColorModeId) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(mode)


def _latest() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().values(False).calcs(["lastNotNull"]).fields("")


def _legend(calculations: Sequence[str]) -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .calcs(list(calculations))
    )


def _tooltip() -> common.VizTooltipOptions:
    return common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
