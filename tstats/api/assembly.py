"""The application, built from the settings: the one place in the API where objects are made."""

import time
from collections.abc import Callable
from pathlib import Path

from tstats import catalog, connections
from tstats.api.access.access import Access
from tstats.api.access.recorded_names import RecordedNames
from tstats.api.access.sessions import TrafficOpsAccess
from tstats.api.access.stand_alone import StandAloneAccess, anonymous, token_authenticator
from tstats.api.access.token_file import TokenFile, TokenIndex
from tstats.api.access.traffic_ops_view import TrafficOpsView
from tstats.api.http import monitoring
from tstats.api.http.app import App
from tstats.api.http.metrics import ApiMetrics
from tstats.api.openapi import docs_page, document
from tstats.api.page import charts, files
from tstats.api.page.health import PageHealth
from tstats.api.page.lists import PageLists
from tstats.api.statistics.handlers import StatisticsHandlers
from tstats.api.stats_summary.handlers import SummaryHandlers
from tstats.api.stats_summary.table import SummaryTable
from tstats.command import logs
from tstats.config import loading
from tstats.config.settings import Settings
from tstats.db.database import Database
from tstats.influx.async_reader import InfluxReader

_HEALTH_SECONDS = 5.0  # for an InfluxDB to answer the page's check
_LOCK_SECONDS = 3.0  # callers of the API have less patience than the tools that share the database


def build_worker(cfg: Path, log_format: str) -> App:
    """Build the application of a worker, which reads the file itself: no secret goes through a pipe.

    Raises:
        TstatsError: as `build_app`, or the file cannot be used any more.
    """
    settings = loading.load(cfg)
    logs.configure(settings.logs, log_format)
    return build_app(settings)


def build_app(settings: Settings) -> App:
    """Build the application.

    Raises:
        ConfigError: the settings are not sufficient for the API.
        TokenError: the token file exists and cannot be used.
    """
    metrics = ApiMetrics()
    endpoints = {url: connections.endpoint(settings, url) for url in connections.queried_urls(settings)}
    reader = InfluxReader(
        list(endpoints.values()), seconds=settings.api_query_timeout, observer=metrics.count_read
    )
    access = build_access(settings, reader)
    policies = {
        catalog.CACHE_STATS: settings.cache_retention_policy or catalog.DAILY,
        catalog.DELIVERYSERVICE_STATS: settings.ds_retention_policy or catalog.DAILY,
        catalog.DAILY_STATS: settings.daily_summary_retention_policy or catalog.INDEFINITE,
    }
    statistics = StatisticsHandlers(access, reader, max_points=settings.api_max_points)
    summaries = SummaryHandlers(access, _summary_table(settings), max_records=settings.api_max_points)
    lists = PageLists(access, reader, daily_policy=policies[catalog.DAILY_STATS])
    health = PageHealth(
        access,
        reader,
        servers={
            url: InfluxReader([endpoint], seconds=_HEALTH_SECONDS, connections=1)
            for url, endpoint in endpoints.items()
        },
        policies=policies,
        auth=settings.api_auth,
    )
    return App(
        [
            *statistics.routes(),
            *summaries.routes(),
            *monitoring.routes(reader, metrics),
            *document.routes(),
            *docs_page.routes(docs_page.swagger_ui_folder()),
            *files.routes(files.uplot_folder()),
            *charts.routes(access, reader),
            *lists.routes(),
            *health.routes(),
        ],
        metrics=metrics,
        max_body_bytes=settings.api_max_body_bytes,
        query_seconds=settings.api_query_timeout,
        closers=[lists.aclose, health.aclose, access.aclose, reader.aclose],
    )


def build_access(
    settings: Settings, reader: InfluxReader, *, clock: Callable[[], float] = time.monotonic
) -> Access:
    """Build the access that apiAuth asks for.

    Args:
        settings: loaded settings.
        reader: InfluxDB, for what exists without a Traffic Ops; not closed with the access.
        clock: a monotonic clock, in seconds.

    Raises:
        ConfigError: toCaCert cannot be read.
        TokenError: the token file exists and cannot be used.
    """
    if settings.api_auth == "trafficOps":
        view = TrafficOpsView(
            settings.to_url,
            timeout=settings.to_request_timeout,
            ca_cert=settings.to_ca_cert,
            insecure=settings.to_insecure,
        )
        return TrafficOpsAccess(view, ttl=settings.api_auth_cache_seconds, clock=clock)
    names = RecordedNames(reader, clock=clock)
    if settings.api_auth == "none":
        return StandAloneAccess(anonymous, names)
    file = TokenFile(settings.tokens_file)
    file.read()  # or the first request would find out that it cannot be used
    return StandAloneAccess(token_authenticator(TokenIndex(file)), names)


def _summary_table(settings: Settings) -> SummaryTable:
    """Return the summaries in the SQL database, to which no connection is made yet."""
    return SummaryTable(
        Database(
            settings.summary_database,
            lock_seconds=min(_LOCK_SECONDS, settings.api_query_timeout),
            statement_seconds=settings.api_query_timeout,
        )
    )
