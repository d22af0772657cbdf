"""The simulated Traffic Monitor: two feeds, and errors in plain text."""

from collections.abc import Callable
from http import HTTPStatus

from tstats.simulator.exchange import TEXT, FeedDetails, HttpRequest, HttpResponse
from tstats.simulator.payloads import CACHE_FEED, DS_FEED, FeedQuery, Feeds, unknown_parameter
from tstats.simulator.world import Monitor, World

_FEEDS = {"/publish/CacheStats": CACHE_FEED, "/publish/DsStats": DS_FEED}


class SimulatedTrafficMonitor:
    """A Traffic Monitor of `world`; `clock` returns seconds since the epoch. Safe for several threads."""

    def __init__(self, world: World, monitor: Monitor, clock: Callable[[], float]) -> None:
        self._monitor = monitor
        self._feeds = Feeds.of(world, monitor)
        self._clock = clock

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Return a feed, or as a real one does 404 for another path and 400 for an unknown parameter."""
        feed = _FEEDS.get(request.path)
        if feed is None or request.method != "GET":
            return _text("404 page not found\n", HTTPStatus.NOT_FOUND)
        unknown = unknown_parameter(feed, request.query)
        if unknown is not None:
            return _text(f"invalid query parameter '{unknown}'\n", HTTPStatus.BAD_REQUEST)
        body = self._feeds.body(feed, FeedQuery.parse(request.query), int(self._clock() * 1000))
        details = FeedDetails(cdn=self._monitor.cdn, feed=feed, newest_ms=body.newest_ms)
        return HttpResponse(body=body.data, feed=details)


def _text(text: str, status: HTTPStatus) -> HttpResponse:
    return HttpResponse(status=status, body=text.encode(), content_type=TEXT)
