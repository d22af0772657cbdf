"""Daily summary: the highest minute and the bytes served of each day, for planning and for reports."""

from tstats import catalog
from tstats.dashboards.dashboard import Dashboard, Variable
from tstats.dashboards.names import DAILY, DAILY_MAXIMUM_PANEL, DAILY_SERVED_PANEL
from tstats.dashboards.panels import Stat, TimeSeries, Unit
from tstats.dashboards.queries import chosen, daily_summary, rollup

_UNITS = {"Gbps": Unit.GBPS, "TB": Unit.TERABYTES}
_STATISTICS = {statistic.aggregate: statistic for statistic in catalog.DAILY_SUMMARIES}
_MAXIMUM, _SERVED = [daily_summary(_STATISTICS[name], "cdn", where=chosen("cdn")) for name in ("max", "sum")]
_MAXIMUM_UNIT, _SERVED_UNIT = [_UNITS[_STATISTICS[name].unit] for name in ("max", "sum")]

DASHBOARD = Dashboard(
    name=DAILY,
    description="The days of each CDN, in UTC, kept forever. A day appears some minutes after its end.",
    variables=[Variable(tag="cdn", label="CDN", rollup=rollup("bandwidth_cdn_1min"))],
    since="now-90d",
    refresh="",
    timezone="utc",
    panels=[
        Stat(
            1,
            "Highest minute of the last day",
            "For the latest day with a summary.",
            [_MAXIMUM],
            _MAXIMUM_UNIT,
            width=12,
        ),
        Stat(
            2,
            "Served on the last day",
            "For the latest day with a summary.",
            [_SERVED],
            _SERVED_UNIT,
            width=12,
        ),
        TimeSeries(
            DAILY_MAXIMUM_PANEL,
            "Highest minute of each day",
            "A missing day had no points or has no summary yet; tstats summarize --dry-run says which.",
            [_MAXIMUM],
            _MAXIMUM_UNIT,
            width=24,
            bars=True,
        ),
        TimeSeries(
            DAILY_SERVED_PANEL,
            "Served each day",
            "Bytes to clients and between caches; the CDNs are stacked.",
            [_SERVED],
            _SERVED_UNIT,
            width=24,
            bars=True,
            stacked=True,
        ),
    ],
)
