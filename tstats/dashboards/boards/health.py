"""tstats itself: does it collect, does it deliver, and are the rollups whole?

What the daemon alone knows (polls, spool, drops) comes from its /metrics through Prometheus. Whether the
rollups are whole is asked of InfluxDB, whoever made them.
"""

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from tstats import catalog
from tstats.core.time import MINUTE
from tstats.dashboards.dashboard import Board, Row
from tstats.dashboards.names import ITSELF
from tstats.dashboards.panels import Box, Style, Unit, bars, chart, figure, presence
from tstats.dashboards.queries import holes, least_series
from tstats.dashboards.targets import Influx, Metric
from tstats.dashboards.thresholds import Least, Limits

_ROLLUPS = tuple(rollup for rollup in catalog.ROLLUPS if rollup.interval == MINUTE)
_RATE = "[$__rate_interval]"


def board() -> Board:
    """The dashboard."""
    return Board(
        name=ITSELF,
        description="The health of tstats: polls, spool, deliveries, drops, rollups.",
        choices=[],
        since="now-3h",
        rows=[
            Row(panels=_now()),
            Row(title="Rollups, as InfluxDB has them", panels=_rollups()),
            Row(title="Collecting and delivering", panels=_course()),
        ],
    )


def _now() -> list[Builder[Panel]]:
    return [
        figure(
            Box(
                number=15,
                title="Collectors that answer",
                description="How many tstats collect answer Prometheus. Red: none runs, metricsBind is not"
                " set, or Prometheus does not scrape it; what comes from Prometheus is blind then.",
                questions=[Metric(expression="count (tstats_spool_bytes) or vector(0)", alias="collectors")],
                unit=Unit.COUNT,
                width=4,
                height=5,
            ),
            Least(good=1),
        ),
        figure(
            Box(
                number=1,
                title="Since the last good poll",
                description="The oldest of any CDN. Traffic Monitors do not answer, or tstats does not run.",
                questions=[
                    Metric(expression="max by (cdn) (tstats_last_good_poll_age_seconds)", alias="{{cdn}}")
                ],
                unit=Unit.SECONDS,
                width=5,
                height=5,
            ),
            Limits(warning=60, bad=300),
        ),
        figure(
            Box(
                number=2,
                title="Lag of delivery",
                description="The age of the oldest batch that waits for an InfluxDB. Nothing is lost while"
                " the spool has room.",
                questions=[
                    Metric(expression="max by (target) (tstats_spool_oldest_age_seconds)", alias="{{target}}")
                ],
                unit=Unit.SECONDS,
                width=5,
                height=5,
            ),
            Limits(warning=120, bad=900),
        ),
        figure(
            Box(
                number=3,
                title="Batches dropped in this range",
                description="Lost to a target: rejected (kept as dead letters), retention (too old),"
                " spool_full. Any is one too many.",
                questions=[
                    Metric(
                        expression="sum by (target, reason)"
                        " (increase(tstats_dropped_batches_total[$__range]))",
                        alias="{{target}} {{reason}}",
                        instant=True,
                    )
                ],
                unit=Unit.COUNT,
                width=5,
                height=5,
            ),
            Limits(warning=0.5, bad=1),
            none="0",
        ),
        figure(
            Box(
                number=4,
                title="Since the last inventory",
                description="Traffic Ops does not answer while this grows; tstats goes on without.",
                questions=[Metric(expression="max (tstats_inventory_age_seconds)", alias="inventory")],
                unit=Unit.SECONDS,
                width=5,
                height=5,
            ),
            Limits(warning=900, bad=3600),
        ),
    ]


def _rollups() -> list[Builder[Panel]]:
    return [
        presence(
            Box(
                number=5,
                title="Minutes with points, by rollup",
                description="Red: a minute without any point. Red at the right end: the continuous queries"
                " stand still, nothing is collected, or, in an InfluxDB that sync_ts_databases fills, how far"
                " the sync is behind. Mend holes with tstats rollup repair. A rollup without a line has no"
                " points in this range.",
                questions=[
                    Influx(query=least_series(one), database=one.database, alias=one.name) for one in _ROLLUPS
                ],
                unit=Unit.COUNT,
                width=16,
                height=12,
            )
        ),
        bars(
            Box(
                number=6,
                title="Minutes missing in this range",
                description="Whole minutes without a point, by rollup; no data is none. tstats rollup status"
                " tells what else is missing.",
                questions=[
                    Influx(query=holes(one), database=one.database, alias=one.name) for one in _ROLLUPS
                ],
                unit=Unit.COUNT,
                width=8,
                height=12,
            ),
            Limits(warning=1, bad=5),
        ),
    ]


def _course() -> list[Builder[Panel]]:
    return [
        chart(
            Box(
                number=7,
                title="Polls by outcome",
                description="failed: no monitor of a CDN gave a payload; skipped: the poll before still ran.",
                questions=[
                    Metric(
                        expression=f"sum by (cdn, outcome) (rate(tstats_polls_total{_RATE}))",
                        alias="{{cdn}} {{outcome}}",
                    )
                ],
                unit=Unit.PER_SECOND,
            )
        ),
        chart(
            Box(
                number=8,
                title="Points collected and delivered",
                description="Delivered below collected: the spool fills. Above: it empties.",
                questions=[
                    Metric(expression=f"sum (rate(tstats_collected_points_total{_RATE}))", alias="collected"),
                    Metric(
                        expression=f"sum by (target) (rate(tstats_published_points_total{_RATE}))",
                        alias="delivered {{target}}",
                    ),
                ],
                unit=Unit.PER_SECOND,
            )
        ),
        chart(
            Box(
                number=9,
                title="Spool",
                description="The room on disk that waiting batches take; see spoolMaxBytes.",
                questions=[Metric(expression="sum (tstats_spool_bytes)", alias="waiting")],
                unit=Unit.BYTES,
            )
        ),
        chart(
            Box(
                number=10,
                title="Lag of delivery",
                description="The age of the oldest batch that waits, by target.",
                questions=[
                    Metric(expression="max by (target) (tstats_spool_oldest_age_seconds)", alias="{{target}}")
                ],
                unit=Unit.SECONDS,
            )
        ),
        chart(
            Box(
                number=11,
                title="Time of a write, 95th percentile",
                description="Of one request to InfluxDB.",
                questions=[
                    Metric(
                        expression="histogram_quantile(0.95, sum by (le, target)"
                        f" (rate(tstats_publish_seconds_bucket{_RATE})))",
                        alias="{{target}}",
                    )
                ],
                unit=Unit.SECONDS,
            )
        ),
        chart(
            Box(
                number=12,
                title="Samples without a point",
                description="value: no number; name, type, time: not what Traffic Monitor promises; old:"
                " beyond the retention.",
                questions=[
                    Metric(
                        expression=f"sum by (cdn, reason) (rate(tstats_bad_samples_total{_RATE}))",
                        alias="{{cdn}} {{reason}}",
                    )
                ],
                unit=Unit.PER_SECOND,
            )
        ),
        chart(
            Box(
                number=13,
                title="Batches dropped",
                description="By target and reason, in each interval.",
                questions=[
                    Metric(
                        expression="sum by (target, reason)"
                        " (increase(tstats_dropped_batches_total[$__rate_interval]))",
                        alias="{{target}} {{reason}}",
                    )
                ],
                unit=Unit.COUNT,
            )
        ),
        chart(
            Box(
                number=14,
                title="Points of rollups that tstats computed",
                description="After late data, or all of them with rollupMode tstats.",
                questions=[
                    Metric(
                        expression=f"sum by (rollup) (rate(tstats_rollup_points_total{_RATE}))",
                        alias="{{rollup}}",
                    )
                ],
                unit=Unit.PER_SECOND,
            ),
            Style(stacked=True),
        ),
    ]
