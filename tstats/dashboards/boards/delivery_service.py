"""Delivery service: does it serve, from where, and with how many errors?"""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats.dashboards.dashboard import Board, Choice, Row
from tstats.dashboards.names import CACHE_GROUP, DELIVERY_SERVICE
from tstats.dashboards.panels import Box, Link, Style, Unit, chart, figure
from tstats.dashboards.queries import chosen, daily_maximum, mean, other_than, rollup, total
from tstats.dashboards.targets import Influx, Math
from tstats.dashboards.thresholds import Limits

BANDWIDTH = rollup("kbps_ds_1min")
BY_CACHE_GROUP = rollup("kbps_cg_1min")
TRANSACTIONS = rollup("tps_total_ds_1min")
DAILY_PEAK = rollup("max_kbps_ds_1day")
CLASSES = {
    "2xx": (rollup("tps_2xx_ds_1min"), "green"),
    "3xx": (rollup("tps_3xx_ds_1min"), "blue"),
    "4xx": (rollup("tps_4xx_ds_1min"), "orange"),
    "5xx": (rollup("tps_5xx_ds_1min"), "red"),
}

ERRORS = Limits(warning=0.01, bad=0.05)

_DATABASE = BANDWIDTH.database
_CHOSEN = chosen("cdn", "deliveryservice")
_BANDWIDTH = Influx(
    query=mean(BANDWIDTH, "deliveryservice", where=_CHOSEN), database=_DATABASE, alias="$tag_deliveryservice"
)
_TRANSACTIONS = Influx(
    query=mean(TRANSACTIONS, "deliveryservice", where=_CHOSEN),
    database=_DATABASE,
    alias="$tag_deliveryservice",
)


def _share(*statuses: str) -> tuple[Influx | Math, ...]:
    """Of all transactions, those that ended with a status of these classes."""
    parts = [*(CLASSES[status][0] for status in statuses), TRANSACTIONS]
    *some, every = [f"${letter}" for letter in "ABCDE"[: len(parts)]]
    ended = some[0] if len(some) == 1 else f"({' + '.join(some)})"
    return (
        *(
            Influx(query=mean(one, "deliveryservice", where=_CHOSEN), database=_DATABASE, hidden=True)
            for one in parts
        ),
        Math(expression=f"{ended} / {every}", tag="deliveryservice"),
    )


def board() -> Board:
    """The dashboard."""
    return Board(
        name=DELIVERY_SERVICE,
        description="Bandwidth, transactions and errors of delivery services.",
        choices=[
            Choice(tag="cdn", label="CDN", rollup=BANDWIDTH),
            Choice(
                tag="deliveryservice",
                label="Delivery service",
                rollup=BANDWIDTH,
                within=("cdn",),
                all_at_first=False,
            ),
        ],
        since="now-6h",
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
                title="Server errors now",
                description="The share of transactions that ended with 5xx: origins or caches fail.",
                questions=_share("5xx"),
                unit=Unit.SHARE,
                width=6,
                height=5,
            ),
            ERRORS,
        ),
        figure(
            Box(
                number=2,
                title="Client errors now",
                description="The share of transactions that ended with 4xx: often a client or"
                " content that is gone, not the CDN.",
                questions=_share("4xx"),
                unit=Unit.SHARE,
                width=6,
                height=5,
            ),
            Limits(warning=0.05, bad=0.2),
        ),
        figure(
            Box(
                number=3,
                title="Bandwidth now",
                description="All caches together.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
                width=6,
                height=5,
            )
        ),
        figure(
            Box(
                number=4,
                title="Transactions now",
                description="All caches and status classes together.",
                questions=[_TRANSACTIONS],
                unit=Unit.REQUESTS_PER_SECOND,
                width=6,
                height=5,
            )
        ),
    ]


def _course() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=5,
                title="Bandwidth",
                description="All caches of a delivery service together.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
            )
        ),
        chart(
            Box(
                number=6,
                title="Bandwidth by cache group",
                description="Where the chosen delivery services are served from. A click leads to"
                " the cache group.",
                questions=[
                    Influx(
                        query=total(
                            BY_CACHE_GROUP,
                            "cachegroup",
                            each="deliveryservice",
                            where=[*_CHOSEN, other_than("cachegroup", "all")],
                        ),
                        database=_DATABASE,
                        alias="$tag_cachegroup",
                    )
                ],
                unit=Unit.KBPS,
                links=(Link(to=CACHE_GROUP, tag="cachegroup"),),
            ),
            Style(stacked=True),
        ),
        chart(
            Box(
                number=7,
                title="Transactions by status class",
                description="The chosen delivery services together.",
                questions=[
                    Influx(
                        query=total(one, each="deliveryservice", where=_CHOSEN),
                        database=_DATABASE,
                        alias=status,
                    )
                    for status, (one, _) in CLASSES.items()
                ],
                unit=Unit.REQUESTS_PER_SECOND,
            ),
            Style(stacked=True, colors={status: color for status, (_, color) in CLASSES.items()}),
        ),
        chart(
            Box(
                number=8,
                title="Error share",
                description="Transactions with 4xx or 5xx, by all transactions.",
                questions=_share("4xx", "5xx"),
                unit=Unit.SHARE,
            ),
            Style(limits=ERRORS),
        ),
        chart(
            Box(
                number=9,
                title="Highest minute of each day",
                description="The last 90 days, in UTC; kept for ever.",
                questions=[
                    Influx(
                        query=daily_maximum(DAILY_PEAK, "deliveryservice", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_deliveryservice",
                    )
                ],
                unit=Unit.KBPS,
                width=24,
            ),
            Style(bars=True, back="90d"),
        ),
    ]
