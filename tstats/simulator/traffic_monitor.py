"""The Traffic Monitor side: two feeds, and plain text for what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tstats.simulator.exchange import TEXT, Answer, Request, Sample
from tstats.simulator.payloads import CACHE_FEED, DS_FEED, FeedQuery, Feeds, unknown_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tstats.simulator.world import Monitor, World

_FEEDS = {"/publish/CacheStats": CACHE_FEED, "/publish/DsStats": DS_FEED}


class TrafficMonitor:
    """One Traffic Monitor of `world`; `clock` gives seconds since the epoch. Safe for several threads."""

    def __init__(self, world: World, monitor: Monitor, clock: Callable[[], float]) -> None:
        self._monitor = monitor
        self._feeds = Feeds.of(world, monitor)
        self._clock = clock

    def answer(self, request: Request) -> Answer:
        """Answer as a Traffic Monitor does: a feed, 404 for another path, 400 for an unknown parameter."""
        feed = _FEEDS.get(request.path)
        if feed is None or request.method != "GET":
            return Answer(status=404, body=b"404 page not found\n", content_type=TEXT)
        unknown = unknown_parameter(feed, request.query)
        if unknown is not None:
            text = f"invalid query parameter '{unknown}'\n"
            return Answer(status=400, body=text.encode(), content_type=TEXT)
        body = self._feeds.body(feed, FeedQuery.parse(request.query), int(self._clock() * 1000))
        sample = Sample(cdn=self._monitor.cdn, feed=feed, newest_ms=body.newest_ms)
        return Answer(body=body.data, sample=sample)
