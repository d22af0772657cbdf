"""Cache group: which of its caches carry the traffic, and which delivery services bring it."""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats.dashboards.boards.cdn import CAPACITY
from tstats.dashboards.dashboard import Board, Choice, Row
from tstats.dashboards.names import CACHE_GROUP, DELIVERY_SERVICE, SERVER
from tstats.dashboards.panels import Box, Link, Style, Unit, bars, chart, figure
from tstats.dashboards.queries import chosen, mean, number_of, other_than, rollup, total
from tstats.dashboards.targets import Influx, Math

BANDWIDTH = rollup("bandwidth_1min")
CONNECTIONS = rollup("connections_1min")
MAXIMUM = rollup("maxKbps_1min")
OF_SERVICES = rollup("kbps_cg_1min")

_CHOSEN = chosen("cdn", "cachegroup")
_DATABASE = BANDWIDTH.database
_TO_SERVER = (Link(to=SERVER, tag="hostname"),)

_SUM = total(BANDWIDTH, "cachegroup", each="hostname", where=_CHOSEN)
_BANDWIDTH = Influx(query=_SUM, database=_DATABASE, alias="$tag_cachegroup")
_CONNECTIONS = Influx(
    query=total(CONNECTIONS, "cachegroup", each="hostname", where=_CHOSEN),
    database=_DATABASE,
    alias="$tag_cachegroup",
)
_USED = (
    Influx(query=_SUM, database=_DATABASE, hidden=True),
    Influx(
        query=total(MAXIMUM, "cachegroup", each="hostname", where=_CHOSEN),
        database=_DATABASE,
        hidden=True,
    ),
    Math(expression="$A / $B", tag="cachegroup"),
)


def board() -> Board:
    """The dashboard."""
    return Board(
        name=CACHE_GROUP,
        description="Bandwidth, connections and room left of cache groups, and the caches in them.",
        choices=[
            Choice(tag="cdn", label="CDN", rollup=BANDWIDTH),
            Choice(
                tag="cachegroup", label="Cache group", rollup=BANDWIDTH, within=("cdn",), all_at_first=False
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
                title="Bandwidth now",
                description="All caches of the group together.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
                width=8,
                height=5,
            )
        ),
        bars(
            Box(
                number=2,
                title="Capacity used now",
                description="Bandwidth by the sum of maxKbps of the group's caches.",
                questions=_USED,
                unit=Unit.SHARE,
                width=8,
                height=5,
            ),
            CAPACITY,
            full=1,
        ),
        figure(
            Box(
                number=3,
                title="Caches with points",
                description="How many caches gave their bandwidth: a fall is a cache that Traffic"
                " Monitor does not reach, or that was taken out.",
                questions=[
                    Influx(
                        query=number_of(BANDWIDTH, "cachegroup", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_cachegroup",
                    )
                ],
                unit=Unit.COUNT,
                width=8,
                height=5,
            )
        ),
    ]


def _course() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=4,
                title="Bandwidth by cache group",
                description="All caches of a group together.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
            )
        ),
        chart(
            Box(
                number=5,
                title="Connections by cache group",
                description="Open connections, all caches of a group together.",
                questions=[_CONNECTIONS],
                unit=Unit.COUNT,
            )
        ),
        chart(
            Box(
                number=6,
                title="Bandwidth by server",
                description="The caches of the chosen groups; one that is far from the others is"
                " worth a look. A click leads to the server.",
                questions=[
                    Influx(
                        query=mean(BANDWIDTH, "hostname", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_hostname",
                    )
                ],
                unit=Unit.KBPS,
                links=_TO_SERVER,
            ),
            Style(stacked=True),
        ),
        chart(
            Box(
                number=7,
                title="Connections by server",
                description="Open connections of each cache. A click leads to the server.",
                questions=[
                    Influx(
                        query=mean(CONNECTIONS, "hostname", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_hostname",
                    )
                ],
                unit=Unit.COUNT,
                links=_TO_SERVER,
            ),
            Style(stacked=True),
        ),
        chart(
            Box(
                number=8,
                title="Bandwidth by delivery service",
                description="What the chosen groups serve, by delivery service. A click leads to it.",
                questions=[
                    Influx(
                        query=total(
                            OF_SERVICES,
                            "deliveryservice",
                            each="cachegroup",
                            where=[*_CHOSEN, other_than("cachegroup", "all")],
                        ),
                        database=OF_SERVICES.database,
                        alias="$tag_deliveryservice",
                    )
                ],
                unit=Unit.KBPS,
                width=24,
                links=(Link(to=DELIVERY_SERVICE, tag="deliveryservice"),),
            ),
            Style(stacked=True),
        ),
    ]
