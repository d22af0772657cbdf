"""The routes of cache_stats, deliveryservice_stats and current_stats."""

import time
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.access.access import Access
from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import JSON, REVALIDATE, json_response
from tstats.api.http.routing import Route
from tstats.api.statistics import statements
from tstats.api.statistics.query import StatsQuery, parse_cache_stats, parse_deliveryservice_stats
from tstats.api.statistics.response import current_stats_body, stats_body
from tstats.influx.async_reader import InfluxReader

_CURRENT_METRICS = [catalog.CACHE_METRICS[name] for name in ("bandwidth", "maxkbps", "connections")]
_CURRENT_STATS = statements.current_stats(_CURRENT_METRICS)


class StatisticsHandlers:
    """The handlers.

    Args:
        access: who may read what.
        reader: InfluxDB.
        max_points: the most rows of a series.
    """

    def __init__(self, access: Access, reader: InfluxReader, *, max_points: int) -> None:
        self._access = access
        self._reader = reader
        self._max_points = max_points

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(method="GET", path="cache_stats", handler=self.cache_stats),
            Route(method="GET", path="deliveryservice_stats", handler=self.deliveryservice_stats),
            Route(method="GET", path="current_stats", handler=self.current_stats),
        ]

    async def cache_stats(self, request: Request) -> Response:
        """Return a series and a summary of a CDN."""
        caller = await self._access.caller(request.headers)
        query = parse_cache_stats(
            parameters(request.scope["query_string"]),
            request.headers.get("accept", ""),
            catalog.CACHE_METRICS,
            max_points=self._max_points,
        )
        if not await self._access.has_cdn(caller, query.cdn):
            raise Problem(HTTPStatus.NOT_FOUND, f"no such CDN: {query.cdn}")
        return await self._stats(query, statements.cache_stats(query), query.cdn)

    async def deliveryservice_stats(self, request: Request) -> Response:
        """Return a series and a summary of a delivery service."""
        caller = await self._access.caller(request.headers)
        query = parse_deliveryservice_stats(
            parameters(request.scope["query_string"]),
            request.headers.get("accept", ""),
            catalog.DELIVERYSERVICE_METRICS,
            max_points=self._max_points,
        )
        xml_id = await self._access.delivery_service(caller, name=query.name, id_or_name=query.id_or_name)
        if xml_id is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"No such Delivery Service: {query.requested_name}")
        return await self._stats(
            query, statements.deliveryservice_stats(query), xml_id, totals_of=query.metric
        )

    async def current_stats(self, request: Request) -> Response:
        """Return the last values of each CDN."""
        caller = await self._access.caller(request.headers)
        cdns = await self._access.cdns(caller)
        bandwidth, capacity, connections = await self._reader.results(_CURRENT_STATS)
        body = current_stats_body(
            sorted(cdns), bandwidth=bandwidth, capacity=capacity, connections=connections
        )
        return json_response(body, headers={"Vary": "Accept-Encoding"})

    async def _stats(
        self, query: StatsQuery, statement: str, name: str, *, totals_of: str | None = None
    ) -> Response:
        # InfluxDB takes the name as a string, and returns times in the requested form.
        results = (
            await self._reader.results(statement, bind={"name": name}, nanoseconds=query.timestamps == "unix")
            if query.is_representable
            else [[], []]
        )
        body = stats_body(
            series=results[0] if query.series else None,
            summary=results[-1] if query.summary else None,
            totals_of=totals_of,
        )
        headers = {"Vary": "Accept"}
        if query.end < time.time_ns():
            headers["Cache-Control"] = REVALIDATE
        return json_response(body, media_type=f"{JSON}; timestamp={query.timestamps}", headers=headers)
