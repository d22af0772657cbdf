"""Panels in one style: what is asked, in which unit, from which value on it is bad."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, timeseries
from grafana_foundation_sdk.builders import statetimeline as timeline
from grafana_foundation_sdk.cog.builder import Builder
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
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Panel,
)

from tstats.dashboards.names import Name
from tstats.dashboards.targets import Question, datasource, display_name, targets
from tstats.dashboards.thresholds import Least, Limits, thresholds

Drawn = TypeVar("Drawn", bargauge.Panel, stat.Panel, timeline.Panel, timeseries.Panel)

_FINEST = "1m"  # the rollups' interval: a finer one would show a gap beside each point


class Unit(StrEnum):
    """Grafana's ids of the units that we draw."""

    KBPS = "Kbits"
    GBPS = "Gbits"
    TERABYTES = "dectbytes"
    BYTES = "bytes"
    PER_SECOND = "cps"
    REQUESTS_PER_SECOND = "reqps"
    SHARE = "percentunit"
    COUNT = "short"
    SECONDS = "s"
    MINUTES = "m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a chart departs from the usual.

    Attributes:
        stacked: the sum of the series means something.
        bars: a value stands for a whole day.
        limits: drawn as lines.
        colors: fixed ones, by the name of a series.
        dashed: names of series that are a bound, not traffic.
        today: show today, whatever range is chosen, as long as that is a relative one.
        earlier: show the range so much earlier: `7d`.
        back: show the range that ends now and begins so much earlier: `90d`.
        most: the top of the axis, at least.
    """

    stacked: bool = False
    bars: bool = False
    limits: Limits | None = None
    colors: dict[str, str] = field(default_factory=dict)
    dashed: tuple[str, ...] = ()
    today: bool = False
    earlier: str = ""
    back: str = ""
    most: float | None = None


USUAL = Style()


def _color(mode: FieldColorModeId) -> dashboard.FieldColor:
    return dashboard.FieldColor().mode(mode)


def _last() -> common.ReduceDataOptions:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a click on a series leads: to a dashboard about the value of one of its tags."""

    to: Name
    tag: str


def _links(links: Sequence[Link]) -> list[Builder[DashboardLink]]:
    return [
        dashboard.DashboardLink(f"{link.to.title} ${{__field.labels.{link.tag}}}").url(
            f"{link.to.path}?${{__url_time_range}}&var-{link.tag}=${{__field.labels.{link.tag}:percentencode}}"
        )
        for link in links
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What every panel has.

    Attributes:
        number: unique in its dashboard, and for ever: URLs name it.
        title, description: the description says what it means when it is bad.
        questions: in order; the first is `$A`.
        unit: of all its values.
        width, height: of 24 columns, and in rows.
        links: where a click on a series leads.
    """

    number: int
    title: str
    description: str
    questions: Sequence[Question]
    unit: Unit
    width: int = 12
    height: int = 8
    links: Sequence[Link] = ()


def _in_its_box(panel: Drawn, box: Box) -> Drawn:
    """The panel with what every kind of panel has in common."""
    return (
        panel.id(box.number)
        .title(box.title)
        .description(box.description)
        .datasource(datasource(box.questions))
        .targets(targets(box.questions))
        .grid_pos(GridPos(w=box.width, h=box.height))
        .unit(box.unit)
        .display_name(display_name(box.questions))
    )


def chart(box: Box, style: Style = USUAL) -> Builder[Panel]:
    """Series over time. A gap in a line is an interval without points."""
    panel = (
        _in_its_box(timeseries.Panel(), box)
        .min(0)
        .thresholds(thresholds(style.limits))
        .color_scheme(_color(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .data_links(_links(box.links))
        .legend(_legend(["max", "sum"] if style.bars and style.stacked else ["lastNotNull", "mean", "max"]))
        .tooltip(_tooltip())
        .draw_style(GraphDrawStyle.BARS if style.bars else GraphDrawStyle.LINE)
        .show_points(VisibilityMode.AUTO)
        .fill_opacity(70 if style.bars else 25 if style.stacked else 8)
        .line_width(1)
        .span_nulls(False)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL if style.stacked else StackingMode.NONE))
        .interval("1d" if style.bars else _FINEST)
    )
    if style.limits is not None:
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    if style.most is not None:
        panel.axis_soft_max(style.most)
    if style.today:
        panel.time_from("now/d")
    if style.back:
        panel.time_from(style.back)
    if style.earlier:
        panel.time_shift(style.earlier)
    for name, color in style.colors.items():
        fixed = {"mode": "fixed", "fixedColor": color}
        panel.override_by_name(name, [DynamicConfigValue(id_val="color", value=fixed)])
    for name in style.dashed:
        bound = [
            DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
            DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        ]
        panel.override_by_regexp(name, bound)
    return panel


def figure(box: Box, limits: Limits | Least | None = None, *, none: str = "no data") -> Builder[Panel]:
    """The newest value of each series, large, with its course behind it.

    Args:
        box: what is shown.
        limits: by which it is coloured; None leaves it plain.
        none: what is shown where there is no value.
    """
    return (
        _in_its_box(stat.Panel(), box)
        .min(0)
        .no_value(none)
        .thresholds(thresholds(limits))
        .color_scheme(
            _color(FieldColorModeId.THRESHOLDS if limits else FieldColorModeId.PALETTE_CLASSIC_BY_NAME)
        )
        .data_links(_links(box.links))
        .color_mode(BigValueColorMode.BACKGROUND if limits else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(_last())
        .interval(_FINEST)
    )


def bars(box: Box, limits: Limits | None = None, *, full: float | None = None) -> Builder[Panel]:
    """The newest value of each series as a bar; `full` is the value of a whole one."""
    panel = (
        _in_its_box(bargauge.Panel(), box)
        .min(0)
        .no_value("no data")
        .thresholds(thresholds(limits))
        .color_scheme(_color(FieldColorModeId.THRESHOLDS))
        .data_links(_links(box.links))
        .display_mode(BarGaugeDisplayMode.GRADIENT)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(_last())
        .interval(_FINEST)
    )
    return panel if full is None else panel.max(full)


def presence(box: Box) -> Builder[Panel]:
    """A line for each question through time: red where its value is 0, green elsewhere."""
    return (
        _in_its_box(timeline.Panel(), box)
        .thresholds(thresholds(Least(good=1)))
        .color_scheme(_color(FieldColorModeId.THRESHOLDS))
        .show_value(VisibilityMode.NEVER)
        .merge_values(True)
        .row_height(0.8)
        .line_width(0)
        .fill_opacity(80)
        .legend(common.VizLegendOptions().show_legend(False))
        .tooltip(_tooltip())
        .interval(_FINEST)
    )
