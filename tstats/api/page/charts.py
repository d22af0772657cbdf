"""/page/lines: what the page's charts draw beside the statistics of the API."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.access.access import Caller
from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import json_answer
from tstats.api.http.routing import Route
from tstats.api.http.service import Service
from tstats.api.page import statements as influxql_page
from tstats.api.page.query import LinesQuery, parse_lines
from tstats.api.page.response import highest, lines_answer
from tstats.api.page.statements import NAME, Chart
from tstats.core.time import SECOND

MOST_LINES: Final = 12  # that the eye can tell apart
_NOT_FOUND = 404
_ROLLUPS = {rollup.name: rollup for rollup in catalog.ROLLUPS}


def _chart(name: str, of: str, by: str | None = None, without: str | None = None) -> Chart:
    return Chart(rollup=_ROLLUPS[name], of=of, by=by, without=without)


CHARTS: Final[Mapping[str, Chart]] = {
    "cdn_bandwidth_by_type": _chart("bandwidth_cdn_type_1min", "cdn", "type"),
    "cdn_connections_by_type": _chart("connections_cdn_type_1min", "cdn", "type"),
    "cachegroup_bandwidth": _chart("bandwidth_1min", "cachegroup", "hostname"),
    "cachegroup_connections": _chart("connections_1min", "cachegroup", "hostname"),
    # `all` is the sum over the caches of a type, whatever their cache group.
    "deliveryservice_kbps_by_group": _chart("kbps_cg_1min", "deliveryservice", "cachegroup", "all"),
    "server_bandwidth": _chart("bandwidth_1min", "hostname"),
    "server_capacity": _chart("maxKbps_1min", "hostname"),
    "server_connections": _chart("connections_1min", "hostname"),
    "server_wraps_vol1": _chart("wrap_count_vol1_1m", "hostname"),
    "server_wraps_vol2": _chart("wrap_count_vol2_1m", "hostname"),
}


def routes(service: Service) -> list[Route]:
    """The route of the charts."""

    async def lines(request: Request) -> Response:
        caller = await service.access.caller(request.headers)
        query = parse_lines(parameters(request.scope["query_string"]), CHARTS)
        chart = CHARTS[query.chart]
        await _check(service, caller, chart, query)
        bind = {NAME: query.of}
        order = [""]
        found = 1
        if chart.by is not None:
            ranked = await service.reader.query(
                influxql_page.ranking(chart, start=query.start, end=query.end), bind=bind
            )
            order = highest(ranked, chart.by, MOST_LINES)
            found = len(ranked)
        series = await service.reader.query(_statement(chart, order, query), bind=bind) if order else []
        body = lines_answer(series, chart.by, order, span=_span(query), found=found)
        return json_answer(body, headers={"Vary": "Accept-Encoding"})

    return [Route(method="GET", path="/page/lines", handler=lines)]


async def _check(service: Service, caller: Caller, chart: Chart, query: LinesQuery) -> None:
    """Tenancy: caches are for every caller, CDNs and delivery services for those who see them.

    Raises:
        Problem: 404.
    """
    access = service.access
    if chart.of == "cdn" and not await access.has_cdn(caller, query.of):
        raise Problem(_NOT_FOUND, f"no such CDN: {query.of}")
    if chart.of == "deliveryservice" and (
        await access.delivery_service(caller, name=query.of, id_or_name=None) is None
    ):
        raise Problem(_NOT_FOUND, f"No such Delivery Service: {query.of}")


def _statement(chart: Chart, order: list[str], query: LinesQuery) -> str:
    return influxql_page.lines(chart, order, start=query.start, end=query.end, interval=query.interval)


def _span(query: LinesQuery) -> range:
    """The beginnings of the intervals as InfluxDB cuts them: at whole multiples since the epoch."""
    first = query.start // query.interval * query.interval
    return range(first // SECOND, -(-query.end // SECOND), query.interval // SECOND)
