"""Server: one cache, or a few side by side."""

from tstats import catalog
from tstats.dashboards.dashboard import Dashboard, Variable
from tstats.dashboards.names import SERVER
from tstats.dashboards.panels import BarGauge, Stat, TimeSeries, Unit
from tstats.dashboards.queries import chosen, mean, rollup, share
from tstats.dashboards.thresholds import CAPACITY

_BANDWIDTH_ROLLUP = rollup("bandwidth_1min")
_WRAP_COUNT = rollup("wrap_count_vol1_1m").target  # one measurement with a field per volume

_CHOSEN = chosen("cdn", "cachegroup", "hostname")
_BANDWIDTH = mean(_BANDWIDTH_ROLLUP, "hostname", where=_CHOSEN)
_MAXIMUM = mean(rollup("maxKbps_1min"), "hostname", where=_CHOSEN, alias="$tag_hostname maximum")
_CONNECTIONS = mean(rollup("connections_1min"), "hostname", where=_CHOSEN)

DASHBOARD = Dashboard(
    name=SERVER,
    description="Bandwidth, connections and cache wraps of caches.",
    variables=[
        Variable(tag="cdn", label="CDN", rollup=_BANDWIDTH_ROLLUP),
        Variable(tag="cachegroup", label="Cache group", rollup=_BANDWIDTH_ROLLUP),
        Variable(tag="hostname", label="Server", rollup=_BANDWIDTH_ROLLUP, all_at_first=False),
    ],
    since="now-6h",
    panels=[
        Stat(
            1,
            "Bandwidth now",
            "The latest minute. No data: Traffic Monitor reports none for this server.",
            [_BANDWIDTH],
            Unit.KBPS,
        ),
        BarGauge(
            2,
            "Capacity used now",
            "Bandwidth divided by the server's maxKbps.",
            share(_BANDWIDTH, of=_MAXIMUM),
            Unit.SHARE,
            thresholds=CAPACITY,
            max=1,
        ),
        Stat(3, "Connections now", "Open client connections.", [_CONNECTIONS], Unit.COUNT),
        TimeSeries(
            4,
            "Bandwidth",
            "Dashed: the most that the server can deliver (maxKbps).",
            [_BANDWIDTH, _MAXIMUM],
            Unit.KBPS,
            width=24,
            dashed="/ maximum$/",
        ),
        TimeSeries(5, "Connections", "Open client connections.", [_CONNECTIONS], Unit.COUNT),
        TimeSeries(
            6,
            "Wrap count",
            "How often the cache has filled its volumes and started over. Steep: the cache is too small for"
            " its traffic. Back to 0: Traffic Server was restarted or its cache was cleared.",
            [
                mean(
                    rollup, "hostname", where=_CHOSEN, alias=f"$tag_hostname {rollup.field.partition('_')[0]}"
                )
                for rollup in catalog.ROLLUPS
                if rollup.target == _WRAP_COUNT
            ],
            Unit.COUNT,
        ),
    ],
)
