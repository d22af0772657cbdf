"""GET cache_stats, deliveryservice_stats and current_stats."""

from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import JSON, KEPT, json_answer
from tstats.api.http.routing import Route
from tstats.api.http.service import Service
from tstats.api.statistics import statements as influxql_stats
from tstats.api.statistics.query import StatsQuery, parse_cache_stats, parse_deliveryservice_stats
from tstats.api.statistics.response import current_stats_answer, stats_answer

_NOT_FOUND = 404
_NOW = [catalog.CACHE_METRICS[name] for name in ("bandwidth", "maxkbps", "connections")]
_LAST_VALUES = influxql_stats.current_stats(_NOW)


def routes(service: Service) -> list[Route]:
    """The routes of the statistics."""
    statistics = _Statistics(service)
    return [
        Route(method="GET", path="cache_stats", handler=statistics.cache_stats),
        Route(method="GET", path="deliveryservice_stats", handler=statistics.deliveryservice_stats),
        Route(method="GET", path="current_stats", handler=statistics.current_stats),
    ]


class _Statistics:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._most = service.settings.api_max_points

    async def cache_stats(self, request: Request) -> Response:
        caller = await self._service.access.caller(request.headers)
        query = parse_cache_stats(
            parameters(request.scope["query_string"]),
            request.headers.get("accept", ""),
            catalog.CACHE_METRICS,
            most=self._most,
        )
        if not await self._service.access.has_cdn(caller, query.cdn):
            raise Problem(_NOT_FOUND, f"no such CDN: {query.cdn}")
        return await self._answer(query, influxql_stats.cache_stats(query), query.cdn)

    async def deliveryservice_stats(self, request: Request) -> Response:
        caller = await self._service.access.caller(request.headers)
        query = parse_deliveryservice_stats(
            parameters(request.scope["query_string"]),
            request.headers.get("accept", ""),
            catalog.DELIVERYSERVICE_METRICS,
            most=self._most,
        )
        xml_id = await self._service.access.delivery_service(
            caller, name=query.name, id_or_name=query.id_or_name
        )
        if xml_id is None:
            raise Problem(_NOT_FOUND, f"No such Delivery Service: {query.asked}")
        statements = influxql_stats.deliveryservice_stats(query)
        return await self._answer(query, statements, xml_id, totals_of=query.metric)

    async def current_stats(self, request: Request) -> Response:
        caller = await self._service.access.caller(request.headers)
        cdns = await self._service.access.cdns(caller)
        bandwidth, capacity, connections = await self._service.reader.results(_LAST_VALUES)
        body = current_stats_answer(
            sorted(cdns), bandwidth=bandwidth, capacity=capacity, connections=connections
        )
        return json_answer(body, headers={"Vary": "Accept-Encoding"})

    async def _answer(
        self, query: StatsQuery, statements: str, name: str, *, totals_of: str | None = None
    ) -> Response:
        # InfluxDB takes what is named for text; it answers times in the form that is wanted.
        results = (
            await self._service.reader.results(
                statements, bind={"name": name}, nanoseconds=query.timestamps == "unix"
            )
            if query.imaginable
            else [[], []]
        )
        body = stats_answer(
            series=results[0] if query.series else None,
            summary=results[-1] if query.summary else None,
            totals_of=totals_of,
        )
        headers = {"Vary": "Accept"}
        if query.end < self._service.clock() * 1e9:
            headers["Cache-Control"] = KEPT
        return json_answer(body, kind=f"{JSON}; timestamp={query.timestamps}", headers=headers)
