"""Delivery service: does it serve, from where, and with how many errors?"""

from tstats.dashboards.dashboard import Dashboard, Variable
from tstats.dashboards.names import CACHE_GROUP, DELIVERY_SERVICE
from tstats.dashboards.panels import DataLink, Stat, TimeSeries, Unit
from tstats.dashboards.queries import chosen, daily_value, excluding, mean, rollup, share, total
from tstats.dashboards.thresholds import at_most

_BANDWIDTH_ROLLUP = rollup("kbps_ds_1min")
_STATUS_COLORS = {"2xx": "green", "3xx": "blue", "4xx": "orange", "5xx": "red"}
_ERRORS = at_most(warning=0.01, critical=0.05)

_TAG = "deliveryservice"
_CHOSEN = chosen("cdn", _TAG)
_BANDWIDTH = mean(_BANDWIDTH_ROLLUP, _TAG, where=_CHOSEN)
_TRANSACTIONS = mean(rollup("tps_total_ds_1min"), _TAG, where=_CHOSEN)
_CLIENT_ERRORS = mean(rollup("tps_4xx_ds_1min"), _TAG, where=_CHOSEN)
_SERVER_ERRORS = mean(rollup("tps_5xx_ds_1min"), _TAG, where=_CHOSEN)

DASHBOARD = Dashboard(
    name=DELIVERY_SERVICE,
    description="Bandwidth, transactions and errors of delivery services.",
    variables=[
        Variable(tag="cdn", label="CDN", rollup=_BANDWIDTH_ROLLUP),
        Variable(tag=_TAG, label="Delivery service", rollup=_BANDWIDTH_ROLLUP, all_at_first=False),
    ],
    since="now-6h",
    panels=[
        Stat(
            1,
            "Server errors now",
            "The share of transactions that ended with 5xx: origins or caches are failing.",
            share(_SERVER_ERRORS, of=_TRANSACTIONS),
            Unit.SHARE,
            width=6,
            thresholds=_ERRORS,
        ),
        Stat(
            2,
            "Client errors now",
            "The share of transactions that ended with 4xx: often caused by a client or by content that is"
            " gone, not by the CDN.",
            share(_CLIENT_ERRORS, of=_TRANSACTIONS),
            Unit.SHARE,
            width=6,
            thresholds=at_most(warning=0.05, critical=0.2),
        ),
        Stat(3, "Bandwidth now", "The sum over all caches.", [_BANDWIDTH], Unit.KBPS, width=6),
        Stat(
            4,
            "Transactions now",
            "The sum over all caches and status classes.",
            [_TRANSACTIONS],
            Unit.REQUESTS_PER_SECOND,
            width=6,
        ),
        TimeSeries(5, "Bandwidth", "The sum over all caches of a delivery service.", [_BANDWIDTH], Unit.KBPS),
        TimeSeries(
            6,
            "Bandwidth by cache group",
            "Where the chosen delivery services are served from. Click a series to open the cache group.",
            [
                total(
                    rollup("kbps_cg_1min"),
                    "cachegroup",
                    over=_TAG,
                    where=[*_CHOSEN, excluding("cachegroup", "all")],
                )
            ],
            Unit.KBPS,
            links=[DataLink(to=CACHE_GROUP, tag="cachegroup")],
            stacked=True,
        ),
        TimeSeries(
            7,
            "Transactions by status class",
            "The sum over the chosen delivery services.",
            [
                total(rollup(f"tps_{status}_ds_1min"), over=_TAG, where=_CHOSEN, alias=status)
                for status in _STATUS_COLORS
            ],
            Unit.REQUESTS_PER_SECOND,
            stacked=True,
            colors=_STATUS_COLORS,
        ),
        TimeSeries(
            8,
            "Error share",
            "Transactions that ended with 4xx or 5xx, divided by all transactions.",
            share(_CLIENT_ERRORS, _SERVER_ERRORS, of=_TRANSACTIONS),
            Unit.SHARE,
            thresholds=_ERRORS,
        ),
        TimeSeries(
            9,
            "Highest minute of each day",
            "The last 90 days, in UTC; kept forever.",
            [daily_value(rollup("max_kbps_ds_1day"), _TAG, where=_CHOSEN)],
            Unit.KBPS,
            width=24,
            bars=True,
            time_from="90d",
        ),
    ],
)
