"""Cache group: which of its caches carry the traffic, and which delivery services bring it."""

from tstats.dashboards.dashboard import Dashboard, Variable
from tstats.dashboards.names import CACHE_GROUP, DELIVERY_SERVICE, SERVER
from tstats.dashboards.panels import BarGauge, DataLink, Stat, TimeSeries, Unit
from tstats.dashboards.queries import chosen, excluding, mean, rollup, series_count, share, total
from tstats.dashboards.thresholds import CAPACITY

_BANDWIDTH_ROLLUP = rollup("bandwidth_1min")
_CONNECTIONS_ROLLUP = rollup("connections_1min")
_CHOSEN = chosen("cdn", "cachegroup")
_BANDWIDTH = total(_BANDWIDTH_ROLLUP, "cachegroup", over="hostname", where=_CHOSEN)
_MAXIMUM = total(rollup("maxKbps_1min"), "cachegroup", over="hostname", where=_CHOSEN)

DASHBOARD = Dashboard(
    name=CACHE_GROUP,
    description="Bandwidth, connections and spare capacity of cache groups and their caches.",
    variables=[
        Variable(tag="cdn", label="CDN", rollup=_BANDWIDTH_ROLLUP),
        Variable(tag="cachegroup", label="Cache group", rollup=_BANDWIDTH_ROLLUP, all_at_first=False),
    ],
    since="now-6h",
    panels=[
        Stat(1, "Bandwidth now", "The sum over all caches of the group.", [_BANDWIDTH], Unit.KBPS),
        BarGauge(
            2,
            "Capacity used now",
            "Bandwidth divided by the sum of the caches' maxKbps.",
            share(_BANDWIDTH, of=_MAXIMUM),
            Unit.SHARE,
            thresholds=CAPACITY,
            max=1,
        ),
        Stat(
            3,
            "Caches with points",
            "The number of caches that reported bandwidth. A drop is a cache that Traffic Monitor cannot"
            " reach or that was removed.",
            [series_count(_BANDWIDTH_ROLLUP, "cachegroup", where=_CHOSEN)],
            Unit.COUNT,
        ),
        TimeSeries(
            4, "Bandwidth by cache group", "The sum over all caches of a group.", [_BANDWIDTH], Unit.KBPS
        ),
        TimeSeries(
            5,
            "Connections by cache group",
            "Open connections, summed over all caches of a group.",
            [total(_CONNECTIONS_ROLLUP, "cachegroup", over="hostname", where=_CHOSEN)],
            Unit.COUNT,
        ),
        TimeSeries(
            6,
            "Bandwidth by server",
            "The caches of the chosen groups; an outlier is worth a look. Click a series to open the server.",
            [mean(_BANDWIDTH_ROLLUP, "hostname", where=_CHOSEN)],
            Unit.KBPS,
            links=[DataLink(to=SERVER, tag="hostname")],
            stacked=True,
        ),
        TimeSeries(
            7,
            "Connections by server",
            "Open connections of each cache. Click a series to open the server.",
            [mean(_CONNECTIONS_ROLLUP, "hostname", where=_CHOSEN)],
            Unit.COUNT,
            links=[DataLink(to=SERVER, tag="hostname")],
            stacked=True,
        ),
        TimeSeries(
            8,
            "Bandwidth by delivery service",
            "What the chosen groups serve, by delivery service. Click a series to open it.",
            [
                total(
                    rollup("kbps_cg_1min"),
                    "deliveryservice",
                    over="cachegroup",
                    where=[*_CHOSEN, excluding("cachegroup", "all")],
                )
            ],
            Unit.KBPS,
            width=24,
            links=[DataLink(to=DELIVERY_SERVICE, tag="deliveryservice")],
            stacked=True,
        ),
    ],
)
