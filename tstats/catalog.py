"""THE list: every database, retention policy, rollup, daily summary and duration, each declared once.

Continuous queries, repairs, what sync copies, what the API knows and what the dashboards draw are derived
from here. The facts are those of Traffic Control's own tools, so that both can be used on one InfluxDB.
"""

from tstats.core.model import CatalogDatabase, Condition, DailySource, DailySummary, RetentionPolicy, Rollup
from tstats.core.time import DAY, HOUR, INFINITE, MINUTE

CACHE_STATS = "cache_stats"
DELIVERYSERVICE_STATS = "deliveryservice_stats"
DAILY_STATS = "daily_stats"

DAILY = "daily"
MONTHLY = "monthly"
INDEFINITE = "indefinite"

CONNECTIONS_SOURCE = "ats.proxy.process.http.current_client_connections"
WRAP_COUNT_SOURCE = "ats.proxy.process.cache.volume_{volume}.wrap_count"


def _one_minute(
    database: str,
    name: str,
    source: str,
    target: str,
    *,
    field: str = "value",
    condition: Condition | None = None,
) -> Rollup:
    """Return the rollup of raw points to the mean of each minute, series by series."""
    return Rollup(
        name=name,
        database=database,
        source_policy=DAILY,
        source=source,
        target_policy=MONTHLY,
        target=target,
        aggregate="mean",
        field=field,
        condition=condition,
        resample=2 * MINUTE,
    )


def _summed(name: str, source: str, target: str, *tags: str) -> Rollup:
    """Return the rollup of one-minute means to their sum over all caches that share `tags`."""
    return Rollup(
        name=name,
        database=CACHE_STATS,
        source_policy=MONTHLY,
        source=source,
        target_policy=MONTHLY,
        target=target,
        aggregate="sum",
        tags=tags,
        resample=5 * MINUTE,
    )


_TOTAL = Condition(tag="cachegroup", operator="=", value="total")
_CACHE_GROUPS = Condition(tag="cachegroup", operator="!=", value="total")

_CACHE_ROLLUPS = (
    _one_minute(CACHE_STATS, "bandwidth_1min", "bandwidth", "bandwidth.1min"),
    _one_minute(CACHE_STATS, "connections_1min", CONNECTIONS_SOURCE, "connections.1min"),
    _one_minute(CACHE_STATS, "maxKbps_1min", "maxKbps", "maxkbps.1min"),
    *(
        _one_minute(
            CACHE_STATS,
            f"wrap_count_vol{volume}_1m",
            WRAP_COUNT_SOURCE.format(volume=volume),
            "wrap_count.1min",
            field=f"vol{volume}_wrap_count",
        )
        for volume in (1, 2)
    ),
    _summed("bandwidth_cdn_1min", "bandwidth.1min", "bandwidth.cdn.1min", "cdn"),
    _summed("connections_cdn_1min", "connections.1min", "connections.cdn.1min", "cdn"),
    _summed("bandwidth_cdn_type_1min", "bandwidth.1min", "bandwidth.cdn.type.1min", "cdn", "type"),
    _summed("connections_cdn_type_1min", "connections.1min", "connections.cdn.type.1min", "cdn", "type"),
    _summed("maxkbps_cdn_1min", "maxkbps.1min", "maxkbps.cdn.1min", "cdn"),
)

_DELIVERYSERVICE_ROLLUPS = (
    *(
        _one_minute(DELIVERYSERVICE_STATS, f"{stat}_ds_1min", stat, f"{stat}.ds.1min", condition=_TOTAL)
        for stat in ("tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx", "tps_total", "kbps")
    ),
    _one_minute(DELIVERYSERVICE_STATS, "kbps_cg_1min", "kbps", "kbps.cg.1min", condition=_CACHE_GROUPS),
    Rollup(
        name="max_kbps_ds_1day",
        database=DELIVERYSERVICE_STATS,
        source_policy=MONTHLY,
        source="kbps.ds.1min",
        target_policy=INDEFINITE,
        target="max.kbps.ds.1day",
        aggregate="max",
        interval=DAY,
        tags=("deliveryservice", "cdn"),
        resample=2 * DAY,
    ),
)

RAW_RETENTION = 26 * HOUR
"""How long raw points are kept: a whole day, and two hours to summarize it in.

Rollups of what is older cannot be recomputed.
"""

MAX_SAMPLE_AGE = DAY
"""The age beyond which samples are not collected, as in Go's traffic_stats.

The rest of `RAW_RETENTION` is for their batch to wait in the spool: InfluxDB refuses points that are older
than the policy keeps.
"""

_POLICIES = (
    RetentionPolicy(name=DAILY, duration=RAW_RETENTION, default=True),
    RetentionPolicy(name=MONTHLY, duration=30 * DAY),
    RetentionPolicy(name=INDEFINITE, duration=INFINITE),
)
# Raw points live so long: what is older cannot be computed again.
RAW_RETENTION = next(policy.duration for policy in _POLICIES if policy.name == DAILY)

DATABASES = (
    CatalogDatabase(name=CACHE_STATS, policies=_POLICIES, rollups=_CACHE_ROLLUPS),
    CatalogDatabase(
        name=DAILY_STATS, policies=(RetentionPolicy(name=INDEFINITE, duration=INFINITE, default=True),)
    ),
    CatalogDatabase(name=DELIVERYSERVICE_STATS, policies=_POLICIES, rollups=_DELIVERYSERVICE_ROLLUPS),
)

ROLLUPS = tuple(rollup for database in DATABASES for rollup in database.rollups)
ROLLUPS_BY_NAME = {rollup.name: rollup for rollup in ROLLUPS}

DAILY_SUMMARIES = (
    DailySummary(name="daily_maxgbps", aggregate="max", divisor=10**6, unit="Gbps"),
    # 60 seconds per minute, 8 bits per byte, 10^9 kilobytes per terabyte.
    DailySummary(name="daily_bytesserved", aggregate="sum", multiplier=60, divisor=8 * 10**9, unit="TB"),
)
CDN_DAYS = DailySource(database=CACHE_STATS, policy=MONTHLY, measurement="bandwidth.cdn.1min", tags=("cdn",))
DELIVERYSERVICE_DAYS = DailySource(
    database=DELIVERYSERVICE_STATS,
    policy=MONTHLY,
    measurement="kbps.ds.1min",
    tags=("cdn", "deliveryservice"),
)

# The API's metrics, and the rollup that each is read from: `bandwidth` is read from `bandwidth.cdn.1min`.
CACHE_METRICS = {
    rollup.target.removesuffix(".cdn.1min"): rollup for rollup in _CACHE_ROLLUPS if rollup.tags == ("cdn",)
}
DELIVERYSERVICE_METRICS = {
    rollup.target.removesuffix(".ds.1min"): rollup
    for rollup in _DELIVERYSERVICE_ROLLUPS
    if rollup.condition == _TOTAL
}
