"""The health of tstats: does it collect, does it deliver, and are the rollups whole?

What only the daemon knows (polls, spool, drops) comes from its /metrics through Prometheus. Whether the
rollups are whole is a question for InfluxDB, whoever computes them.
"""

from tstats import catalog
from tstats.core.time import MINUTE
from tstats.dashboards.dashboard import Dashboard, Row
from tstats.dashboards.names import HEALTH
from tstats.dashboards.panels import BarGauge, Stat, StateTimeline, TimeSeries, Unit
from tstats.dashboards.queries import PrometheusQuery, aggregate, fewest_series, missing_minutes
from tstats.dashboards.thresholds import at_least, at_most

_MINUTE_ROLLUPS = [rollup for rollup in catalog.ROLLUPS if rollup.interval == MINUTE]
_LAG = aggregate("max", "tstats_spool_oldest_age_seconds", "target")


def _rate(counter: str) -> str:
    return f"rate({counter}[$__rate_interval])"


DASHBOARD = Dashboard(
    name=HEALTH,
    description="The health of tstats: polls, spool, deliveries, drops, rollups.",
    variables=[],
    since="now-3h",
    panels=[
        Stat(
            15,
            "Collectors that answer",
            "The number of tstats collect processes that Prometheus scrapes. Red: none is running,"
            " metricsBind is not set, or Prometheus does not scrape it; the panels fed by Prometheus are"
            " then empty.",
            [PrometheusQuery("count (tstats_spool_bytes) or vector(0)", "collectors")],
            Unit.COUNT,
            width=4,
            thresholds=at_least(1),
        ),
        Stat(
            1,
            "Since the last good poll",
            "The longest of all CDNs. If it grows, Traffic Monitors do not answer or tstats is not running.",
            [aggregate("max", "tstats_last_good_poll_age_seconds", "cdn")],
            Unit.SECONDS,
            width=5,
            thresholds=at_most(warning=60, critical=300),
        ),
        Stat(
            2,
            "Lag of delivery",
            "The age of the oldest batch waiting for an InfluxDB. Nothing is lost while the spool has room.",
            [_LAG],
            Unit.SECONDS,
            width=5,
            thresholds=at_most(warning=120, critical=900),
        ),
        Stat(
            3,
            "Batches dropped in this range",
            "Lost for a target: rejected (kept as dead letters), retention (too old) or spool_full. There"
            " should be none.",
            [
                aggregate(
                    "sum",
                    "increase(tstats_dropped_batches_total[$__range])",
                    "target",
                    "reason",
                    instant=True,
                )
            ],
            Unit.COUNT,
            width=5,
            thresholds=at_most(warning=0.5, critical=1),
            no_value="0",
        ),
        Stat(
            4,
            "Since the last inventory",
            "While this grows, Traffic Ops does not answer; tstats carries on with the old inventory.",
            [aggregate("max", "tstats_inventory_age_seconds", legend="inventory")],
            Unit.SECONDS,
            width=5,
            thresholds=at_most(warning=900, critical=3600),
        ),
        Row(id=1001, title="Rollups, as InfluxDB has them"),
        StateTimeline(
            5,
            "Minutes with points, by rollup",
            "Red: a minute without any points. Red at the right end: the continuous queries have stopped,"
            " nothing is being collected, or, in an InfluxDB that sync_ts_databases fills, how far the sync"
            " is behind. Repair holes with tstats rollup repair. A rollup without a line has no points in"
            " this range.",
            [fewest_series(rollup) for rollup in _MINUTE_ROLLUPS],
            Unit.COUNT,
            width=16,
            height=12,
        ),
        BarGauge(
            6,
            "Minutes missing in this range",
            "Whole minutes without any points, by rollup; no data means none. tstats rollup status shows"
            " what else is missing.",
            [missing_minutes(rollup) for rollup in _MINUTE_ROLLUPS],
            Unit.COUNT,
            height=12,
            thresholds=at_most(warning=1, critical=5),
        ),
        Row(id=1002, title="Collecting and delivering"),
        TimeSeries(
            7,
            "Polls by outcome",
            "failed: no monitor of a CDN returned a payload; skipped: the previous poll was still running.",
            [aggregate("sum", _rate("tstats_polls_total"), "cdn", "outcome")],
            Unit.PER_SECOND,
        ),
        TimeSeries(
            8,
            "Points collected and delivered",
            "Delivered below collected: the spool is filling. Above: it is draining.",
            [
                aggregate("sum", _rate("tstats_collected_points_total"), legend="collected"),
                aggregate(
                    "sum", _rate("tstats_published_points_total"), "target", legend="delivered {{target}}"
                ),
            ],
            Unit.PER_SECOND,
        ),
        TimeSeries(
            9,
            "Spool",
            "Disk space taken by waiting batches; see spoolMaxBytes.",
            [aggregate("sum", "tstats_spool_bytes", legend="waiting")],
            Unit.BYTES,
        ),
        TimeSeries(
            10, "Lag of delivery", "The age of the oldest waiting batch, by target.", [_LAG], Unit.SECONDS
        ),
        TimeSeries(
            11,
            "Time of a write, 95th percentile",
            "For a single request to InfluxDB.",
            [
                PrometheusQuery(
                    "histogram_quantile(0.95, sum by (le, target)"
                    f" ({_rate('tstats_publish_seconds_bucket')}))",
                    "{{target}}",
                )
            ],
            Unit.SECONDS,
        ),
        TimeSeries(
            12,
            "Samples without a point",
            "value: not a number; name, type, time: not as Traffic Monitor specifies; old: beyond the"
            " retention.",
            [aggregate("sum", _rate("tstats_bad_samples_total"), "cdn", "reason")],
            Unit.PER_SECOND,
        ),
        TimeSeries(
            13,
            "Batches dropped",
            "By target and reason, in each interval.",
            [
                aggregate(
                    "sum", "increase(tstats_dropped_batches_total[$__rate_interval])", "target", "reason"
                )
            ],
            Unit.COUNT,
        ),
        TimeSeries(
            14,
            "Points of rollups that tstats computed",
            "After late data, or all of them with rollupMode tstats.",
            [aggregate("sum", _rate("tstats_rollup_points_total"), "rollup")],
            Unit.PER_SECOND,
            stacked=True,
        ),
    ],
)
