"""CDN overview: is traffic as it should be, and is there room for more?"""

from tstats.dashboards.dashboard import Dashboard, Row, Variable
from tstats.dashboards.names import CDN, CDN_BANDWIDTH_PANEL, CDN_CONNECTIONS_PANEL
from tstats.dashboards.panels import BarGauge, Stat, TimeSeries, Unit
from tstats.dashboards.queries import chosen, mean, rollup, share
from tstats.dashboards.thresholds import CAPACITY

_CHOSEN = chosen("cdn")
_BANDWIDTH = mean(rollup("bandwidth_cdn_1min"), "cdn", where=_CHOSEN)
_CONNECTIONS = mean(rollup("connections_cdn_1min"), "cdn", where=_CHOSEN)
_USED = share(_BANDWIDTH, of=mean(rollup("maxkbps_cdn_1min"), "cdn", where=_CHOSEN))
_USED_TEXT = "Bandwidth divided by the sum of all maxKbps. Traffic Ops calls 85 % of that sum the capacity."

DASHBOARD = Dashboard(
    name=CDN,
    description="Bandwidth, connections and spare capacity of each CDN.",
    variables=[Variable(tag="cdn", label="CDN", rollup=rollup("bandwidth_cdn_1min"))],
    panels=[
        Stat(
            1,
            "Bandwidth now",
            "The latest minute. No data: tstats is not collecting, or the rollups have stopped; see tstats"
            " itself.",
            [_BANDWIDTH],
            Unit.KBPS,
        ),
        Stat(
            2,
            "Connections now",
            "Open client connections, summed over all caches of a CDN.",
            [_CONNECTIONS],
            Unit.COUNT,
        ),
        BarGauge(3, "Capacity used now", _USED_TEXT, _USED, Unit.SHARE, thresholds=CAPACITY, max=1),
        TimeSeries(
            CDN_BANDWIDTH_PANEL,
            "Bandwidth by CDN",
            "The sum over all caches of a CDN. A gap is a time without rollups.",
            [_BANDWIDTH],
            Unit.KBPS,
        ),
        TimeSeries(
            CDN_CONNECTIONS_PANEL,
            "Connections by CDN",
            "Open client connections, summed over all caches of a CDN.",
            [_CONNECTIONS],
            Unit.COUNT,
        ),
        TimeSeries(
            6,
            "Capacity used by CDN",
            _USED_TEXT,
            _USED,
            Unit.SHARE,
            width=24,
            thresholds=CAPACITY,
            soft_max=1,
        ),
        Row(id=1002, title="Today against the same day last week"),
        TimeSeries(
            7,
            "Bandwidth today",
            "From midnight until now; an absolute time range takes precedence.",
            [_BANDWIDTH],
            Unit.KBPS,
            width=24,
            height=6,
            time_from="now/d",
        ),
        TimeSeries(
            8,
            "Bandwidth on the same day last week",
            "The same hours 7 days earlier, aligned with the panel for today.",
            [_BANDWIDTH],
            Unit.KBPS,
            width=24,
            height=6,
            time_from="now/d",
            time_shift="7d",
        ),
        Row(id=1003, title="By cache type"),
        TimeSeries(
            9,
            "Bandwidth by cache type",
            "Edges serve clients, mids serve edges: their sum counts bytes twice.",
            [mean(rollup("bandwidth_cdn_type_1min"), "cdn", "type", where=_CHOSEN)],
            Unit.KBPS,
        ),
        TimeSeries(
            10,
            "Connections by cache type",
            "Open connections of the caches of each type.",
            [mean(rollup("connections_cdn_type_1min"), "cdn", "type", where=_CHOSEN)],
            Unit.COUNT,
        ),
    ],
)
