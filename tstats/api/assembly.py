"""The API as the settings ask for it."""

from tstats import connections
from tstats.api.access import authority
from tstats.api.http import monitoring, ping
from tstats.api.http.app import App
from tstats.api.http.metrics import Telemetry
from tstats.api.http.routing import Route
from tstats.api.http.service import Service
from tstats.api.openapi import docs_page, document
from tstats.api.page.page import Page
from tstats.api.statistics import handlers as statistics
from tstats.api.stats_summary import answer as stats_summaries
from tstats.api.stats_summary import handlers as stats_summary
from tstats.config.settings import Settings
from tstats.influx.async_reader import InfluxReader


def assembled(settings: Settings) -> App:
    """The application of one process.

    Raises:
        ConfigError: the settings do not do for an API.
    """
    telemetry = Telemetry()
    reader = InfluxReader(
        [connections.endpoint(settings, url) for url in connections.queried_urls(settings)],
        seconds=settings.api_query_timeout,
        observer=telemetry.read,
    )
    service = Service(
        settings=settings,
        access=authority.make(settings, reader),
        reader=reader,
        telemetry=telemetry,
    )
    page = Page(service)
    return App(service, [*routes(service), *page.routes], closers=page.closers)


def routes(service: Service) -> list[Route]:
    """Every way in, but for those of the page.

    Raises:
        ConfigError: databaseUrl is none.
    """
    summaries = stats_summaries.from_settings(service.settings)
    return [
        *statistics.routes(service),
        *stats_summary.routes(service.access, summaries),
        *ping.ROUTES,
        *monitoring.routes(service),
        *document.routes(),
        *docs_page.routes(docs_page.folder()),
    ]
