"""Server: one cache, or a few beside each other."""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats import catalog
from tstats.dashboards.boards.cache_group import BANDWIDTH, CONNECTIONS, MAXIMUM
from tstats.dashboards.boards.cdn import CAPACITY
from tstats.dashboards.dashboard import Board, Choice, Row
from tstats.dashboards.names import SERVER
from tstats.dashboards.panels import Box, Style, Unit, bars, chart, figure
from tstats.dashboards.queries import chosen, mean, rollup
from tstats.dashboards.targets import Influx, Math

_WRAPS = rollup("wrap_count_vol1_1m").target
WRAP_COUNTS = tuple(one for one in catalog.ROLLUPS if one.target == _WRAPS)

_DATABASE = BANDWIDTH.database
_CHOSEN = chosen("cdn", "cachegroup", "hostname")
_BANDWIDTH = mean(BANDWIDTH, "hostname", where=_CHOSEN)
_MAXIMUM = mean(MAXIMUM, "hostname", where=_CHOSEN)
_CONNECTIONS = Influx(
    query=mean(CONNECTIONS, "hostname", where=_CHOSEN), database=_DATABASE, alias="$tag_hostname"
)


def board() -> Board:
    """The dashboard."""
    return Board(
        name=SERVER,
        description="Bandwidth, connections and cache wraps of caches.",
        choices=[
            Choice(tag="cdn", label="CDN", rollup=BANDWIDTH),
            Choice(tag="cachegroup", label="Cache group", rollup=BANDWIDTH, within=("cdn",)),
            Choice(
                tag="hostname",
                label="Server",
                rollup=BANDWIDTH,
                within=("cdn", "cachegroup"),
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
                title="Bandwidth now",
                description="The newest minute. No data: Traffic Monitor gives none for this server.",
                questions=[Influx(query=_BANDWIDTH, database=_DATABASE, alias="$tag_hostname")],
                unit=Unit.KBPS,
                width=8,
                height=5,
            )
        ),
        bars(
            Box(
                number=2,
                title="Capacity used now",
                description="Bandwidth by the server's maxKbps.",
                questions=(
                    Influx(query=_BANDWIDTH, database=_DATABASE, hidden=True),
                    Influx(query=_MAXIMUM, database=_DATABASE, hidden=True),
                    Math(expression="$A / $B", tag="hostname"),
                ),
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
                title="Connections now",
                description="Open connections of clients.",
                questions=[_CONNECTIONS],
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
                title="Bandwidth",
                description="Dashed: what the server can do (maxKbps).",
                questions=[
                    Influx(query=_BANDWIDTH, database=_DATABASE, alias="$tag_hostname"),
                    Influx(query=_MAXIMUM, database=_DATABASE, alias="$tag_hostname maximum"),
                ],
                unit=Unit.KBPS,
                width=24,
            ),
            Style(dashed=("/ maximum$/",)),
        ),
        chart(
            Box(
                number=5,
                title="Connections",
                description="Open connections of clients.",
                questions=[_CONNECTIONS],
                unit=Unit.COUNT,
            )
        ),
        chart(
            Box(
                number=6,
                title="Wrap count",
                description="How often the cache has filled its volumes and begun anew. Steep: the"
                " cache is small for its traffic. Back to 0: Traffic Server was restarted or its"
                " cache cleared.",
                questions=[
                    Influx(
                        query=mean(one, "hostname", where=_CHOSEN),
                        database=_DATABASE,
                        alias=f"$tag_hostname {one.field.partition('_')[0]}",
                    )
                    for one in WRAP_COUNTS
                ],
                unit=Unit.COUNT,
            ),
            Style(),
        ),
    ]
