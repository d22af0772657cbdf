"""CDN overview: is traffic as it should be, and is there room for more?"""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats.dashboards.dashboard import Board, Choice, Row
from tstats.dashboards.names import CDN, CDN_BANDWIDTH_PANEL, CDN_CONNECTIONS_PANEL
from tstats.dashboards.panels import Box, Style, Unit, bars, chart, figure
from tstats.dashboards.queries import chosen, mean, rollup
from tstats.dashboards.targets import Influx, Math
from tstats.dashboards.thresholds import Limits

BANDWIDTH = rollup("bandwidth_cdn_1min")
CONNECTIONS = rollup("connections_cdn_1min")
MAXIMUM = rollup("maxkbps_cdn_1min")
BANDWIDTH_BY_TYPE = rollup("bandwidth_cdn_type_1min")
CONNECTIONS_BY_TYPE = rollup("connections_cdn_type_1min")

# Traffic Ops calls 0.85 of the caches' maximum the capacity of a CDN.
CAPACITY = Limits(warning=0.7, bad=0.85)

_DATABASE = BANDWIDTH.database
_CHOSEN = chosen("cdn")
_BANDWIDTH = Influx(query=mean(BANDWIDTH, "cdn", where=_CHOSEN), database=_DATABASE, alias="$tag_cdn")
_CONNECTIONS = Influx(query=mean(CONNECTIONS, "cdn", where=_CHOSEN), database=_DATABASE, alias="$tag_cdn")
_USED = (
    Influx(query=mean(BANDWIDTH, "cdn", where=_CHOSEN), database=_DATABASE, hidden=True),
    Influx(query=mean(MAXIMUM, "cdn", where=_CHOSEN), database=_DATABASE, hidden=True),
    Math(expression="$A / $B", tag="cdn"),
)
_USED_TEXT = "Bandwidth by the sum of maxKbps of the caches. Traffic Ops calls 85 % of that sum the capacity."


def board() -> Board:
    """The dashboard."""
    return Board(
        name=CDN,
        description="Bandwidth, connections and room left of each CDN.",
        choices=[Choice(tag="cdn", label="CDN", rollup=BANDWIDTH)],
        rows=[
            Row(panels=_now()),
            Row(panels=_course()),
            Row(
                title="Today against the same day last week",
                panels=_last_week(),
            ),
            Row(
                title="By cache type",
                panels=_by_type(),
            ),
        ],
    )


def _now() -> list[Builder[Panel]]:
    return [
        figure(
            Box(
                number=1,
                title="Bandwidth now",
                description="The newest minute. No data: tstats collects nothing, or the rollups"
                " stand still; see tstats itself.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
                width=8,
                height=5,
            )
        ),
        figure(
            Box(
                number=2,
                title="Connections now",
                description="Open connections of clients, all caches of a CDN together.",
                questions=[_CONNECTIONS],
                unit=Unit.COUNT,
                width=8,
                height=5,
            )
        ),
        bars(
            Box(
                number=3,
                title="Capacity used now",
                description=_USED_TEXT,
                questions=_USED,
                unit=Unit.SHARE,
                width=8,
                height=5,
            ),
            CAPACITY,
            full=1,
        ),
    ]


def _course() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=CDN_BANDWIDTH_PANEL,
                title="Bandwidth by CDN",
                description="All caches of a CDN together. A gap is a time without rollups.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
            )
        ),
        chart(
            Box(
                number=CDN_CONNECTIONS_PANEL,
                title="Connections by CDN",
                description="Open connections of clients, all caches of a CDN together.",
                questions=[_CONNECTIONS],
                unit=Unit.COUNT,
            )
        ),
        chart(
            Box(
                number=6,
                title="Capacity used by CDN",
                description=_USED_TEXT,
                questions=_USED,
                unit=Unit.SHARE,
                width=24,
            ),
            Style(limits=CAPACITY, most=1),
        ),
    ]


def _last_week() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=7,
                title="Bandwidth today",
                description="From midnight until now; an absolute range goes before it.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
                width=24,
                height=6,
            ),
            Style(today=True),
        ),
        chart(
            Box(
                number=8,
                title="Bandwidth on the same day last week",
                description="The same hours, 7 days before, one above the other with the panel of today.",
                questions=[_BANDWIDTH],
                unit=Unit.KBPS,
                width=24,
                height=6,
            ),
            Style(today=True, earlier="7d"),
        ),
    ]


def _by_type() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=9,
                title="Bandwidth by cache type",
                description="Edges serve clients, mids serve edges: their sum counts bytes twice.",
                questions=[
                    Influx(
                        query=mean(BANDWIDTH_BY_TYPE, "cdn", "type", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_cdn $tag_type",
                    )
                ],
                unit=Unit.KBPS,
            )
        ),
        chart(
            Box(
                number=10,
                title="Connections by cache type",
                description="Open connections of the caches of each type.",
                questions=[
                    Influx(
                        query=mean(CONNECTIONS_BY_TYPE, "cdn", "type", where=_CHOSEN),
                        database=_DATABASE,
                        alias="$tag_cdn $tag_type",
                    )
                ],
                unit=Unit.COUNT,
            )
        ),
    ]
