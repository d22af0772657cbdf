"""The API as the settings ask for it."""

from tstats.api import authority, docs_page, document, health, ping, statistics, stats_summary
from tstats.api.app import App
from tstats.api.page import Page
from tstats.api.routing import Route
from tstats.api.service import Service
from tstats.api.telemetry import Telemetry
from tstats.services import connections, stats_summaries
from tstats.settings import Settings
from tstats.stores.influx_reader import InfluxReader


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
        *health.routes(service),
        *document.routes(),
        *docs_page.routes(docs_page.folder()),
    ]
