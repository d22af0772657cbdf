"""Daily summary: the highest minute and the bytes served of each day, for planning and for reports."""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats import catalog
from tstats.core.model import DailySummary
from tstats.dashboards.boards.cdn import BANDWIDTH
from tstats.dashboards.dashboard import Board, Choice, Row
from tstats.dashboards.names import DAILY, DAILY_MAXIMUM_PANEL, DAILY_SERVED_PANEL
from tstats.dashboards.panels import Box, Style, Unit, chart, figure
from tstats.dashboards.queries import chosen, summary
from tstats.dashboards.targets import Influx

_UNITS = {"Gbps": Unit.GBPS, "TB": Unit.TERABYTES}
_MAXIMUM, _SERVED = (
    next(one for one in catalog.DAILY_SUMMARIES if one.aggregate == aggregate) for aggregate in ("max", "sum")
)


def _question(statistic: DailySummary) -> Influx:
    return Influx(
        query=summary(statistic, "cdn", where=chosen("cdn")),
        database=catalog.DAILY_STATS,
        alias="$tag_cdn",
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name=DAILY,
        description="The days of each CDN, in UTC, for ever. A day appears some minutes after its end.",
        choices=[Choice(tag="cdn", label="CDN", rollup=BANDWIDTH)],
        since="now-90d",
        refresh="",
        timezone="utc",
        rows=[
            Row(panels=_now()),
            Row(panels=_course()),
        ],
    )


def _now() -> list[Builder[Panel]]:
    return [
        figure(
            Box(
                number=1,
                title="Highest minute of the last day",
                description="Of the newest day that is summarized.",
                questions=[_question(_MAXIMUM)],
                unit=_UNITS[_MAXIMUM.unit],
                height=5,
            )
        ),
        figure(
            Box(
                number=2,
                title="Served on the last day",
                description="Of the newest day that is summarized.",
                questions=[_question(_SERVED)],
                unit=_UNITS[_SERVED.unit],
                height=5,
            )
        ),
    ]


def _course() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=DAILY_MAXIMUM_PANEL,
                title="Highest minute of each day",
                description="A missing day had no points, or is not summarized: tstats summarize"
                " --dry-run tells.",
                questions=[_question(_MAXIMUM)],
                unit=_UNITS[_MAXIMUM.unit],
                width=24,
            ),
            Style(bars=True),
        ),
        chart(
            Box(
                number=DAILY_SERVED_PANEL,
                title="Served each day",
                description="Bytes to clients and between caches, all CDNs stacked.",
                questions=[_question(_SERVED)],
                unit=_UNITS[_SERVED.unit],
                width=24,
            ),
            Style(bars=True, stacked=True),
        ),
    ]
