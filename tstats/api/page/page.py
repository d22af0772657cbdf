"""The page: what there is to see without Grafana, by the sessions of the API."""

from tstats.api.http.service import Service
from tstats.api.page import charts as page_charts
from tstats.api.page import files as page_files
from tstats.api.page.health import PageHealth
from tstats.api.page.lists import PageLists


class Page:
    """Its routes, and what they keep open.

    Args:
        service: what its handlers work with; not closed with it.
    """

    def __init__(self, service: Service) -> None:
        self._lists = PageLists(service)
        self._health = PageHealth(service)
        self.routes = [
            *page_files.routes(page_files.folder()),
            *page_charts.routes(service),
            *self._lists.routes(),
            *self._health.routes(),
        ]
        self.closers = (self._lists.aclose, self._health.aclose)
