"""Builds the summarizer that the settings ask for: the only module of this folder that reads them."""

import structlog

from tstats import connections
from tstats.config.settings import Settings
from tstats.core.time import MINUTE
from tstats.db.database import Database
from tstats.errors import ConfigError
from tstats.summaries.rows import SummaryRows
from tstats.summaries.summarizer import Summarizer


def build_summarizer(settings: Settings, log: structlog.stdlib.BoundLogger) -> Summarizer:
    """Return the summarizer that the settings ask for; it does not connect to anything yet.

    Raises:
        ConfigError: a URL is invalid, or there is no InfluxDB to read from.
    """
    urls = connections.queried_urls(settings)
    if not urls:
        raise ConfigError("influxUrls: summaries are read over HTTP; add an http:// or https:// URL")
    sql = settings.summary_sink in ("database", "both")
    api = settings.summary_sink in ("trafficOps", "both")
    return Summarizer(
        influxes=[connections.influx(settings, url) for url in urls],
        write_all=settings.influx_write_mode == "all",
        policy=settings.daily_summary_retention_policy,
        rows=SummaryRows(Database(settings.summary_database)) if sql else None,
        traffic_ops=connections.traffic_ops(settings) if api else None,
        delivery_services=settings.summarize_delivery_services,
        settling=settings.summary_settle_minutes * MINUTE,
        log=log,
    )
