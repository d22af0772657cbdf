"""/page/lines: the lines of the page's charts that are not among the API's statistics."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.access.access import Access, Caller
from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import json_response
from tstats.api.http.routing import Route
from tstats.api.page import statements
from tstats.api.page.query import LinesQuery, parse_lines
from tstats.api.page.response import highest, lines_body
from tstats.api.page.statements import NAME, Chart
from tstats.core.time import SECOND
from tstats.influx.async_reader import InfluxReader

MAX_LINES: Final = 12  # as many as the eye can tell apart


def _chart(rollup: str, of: str, by: str | None = None, without: str | None = None) -> Chart:
    return Chart(rollup=catalog.ROLLUPS_BY_NAME[rollup], of=of, by=by, without=without)


CHARTS: Final[Mapping[str, Chart]] = {
    "cdn_bandwidth_by_type": _chart("bandwidth_cdn_type_1min", "cdn", "type"),
    "cdn_connections_by_type": _chart("connections_cdn_type_1min", "cdn", "type"),
    "cachegroup_bandwidth": _chart("bandwidth_1min", "cachegroup", "hostname"),
    "cachegroup_connections": _chart("connections_1min", "cachegroup", "hostname"),
    # `all` is the sum over the caches of a type, in any cache group.
    "deliveryservice_kbps_by_group": _chart("kbps_cg_1min", "deliveryservice", "cachegroup", "all"),
    "server_bandwidth": _chart("bandwidth_1min", "hostname"),
    "server_capacity": _chart("maxKbps_1min", "hostname"),
    "server_connections": _chart("connections_1min", "hostname"),
    "server_wraps_vol1": _chart("wrap_count_vol1_1m", "hostname"),
    "server_wraps_vol2": _chart("wrap_count_vol2_1m", "hostname"),
}


def routes(access: Access, reader: InfluxReader) -> list[Route]:
    """Return the route of the charts.

    Args:
        access: who may read what.
        reader: InfluxDB.
    """

    async def lines(request: Request) -> Response:
        caller = await access.caller(request.headers)
        query = parse_lines(parameters(request.scope["query_string"]), CHARTS)
        chart = CHARTS[query.chart]
        await _check_tenancy(access, caller, chart, query.of)
        bind = {NAME: query.of}
        order = [""]
        found = 1
        if chart.by is not None:
            ranking = statements.ranking(chart, start=query.start, end=query.end)
            means = await reader.query(ranking, bind=bind)
            order = highest(means, chart.by, MAX_LINES)
            found = len(means)
        statement = statements.lines(chart, order, start=query.start, end=query.end, interval=query.interval)
        series = await reader.query(statement, bind=bind) if order else []
        body = lines_body(series, chart.by, order, times=_times(query), found=found)
        return json_response(body, headers={"Vary": "Accept-Encoding"})

    return [Route(method="GET", path="/page/lines", handler=lines)]


async def _check_tenancy(access: Access, caller: Caller, chart: Chart, name: str) -> None:
    """Raise a 404 for a CDN or delivery service that the caller may not see; everybody sees all caches."""
    if chart.of == "cdn" and not await access.has_cdn(caller, name):
        raise Problem(HTTPStatus.NOT_FOUND, f"no such CDN: {name}")
    if chart.of == "deliveryservice" and (
        await access.delivery_service(caller, name=name, id_or_name=None) is None
    ):
        raise Problem(HTTPStatus.NOT_FOUND, f"No such Delivery Service: {name}")


def _times(query: LinesQuery) -> range:
    """Return the starts of the intervals in seconds; like InfluxDB's, they are multiples since the epoch."""
    first = query.start // query.interval * query.interval
    return range(first // SECOND, -(-query.end // SECOND), query.interval // SECOND)
