"""/healthz, /metrics and ping, for those who monitor the API; none of them needs a session."""

from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.metrics import CONTENT_TYPE, ApiMetrics
from tstats.api.http.responses import JSON, json_response
from tstats.api.http.routing import Route
from tstats.command import logs
from tstats.errors import TstatsError
from tstats.influx import influxql
from tstats.influx.async_reader import InfluxReader


def routes(reader: InfluxReader, metrics: ApiMetrics) -> list[Route]:
    """Return the routes.

    Args:
        reader: /healthz reports whether it can query InfluxDB.
        metrics: what /metrics exposes.
    """
    log = logs.get("api")

    async def healthz(_request: Request) -> Response:
        problems = []
        try:
            await reader.query(influxql.show_databases())
        except TstatsError as error:  # its text names addresses, which are not for everybody
            log.warning("unhealthy", error=str(error))
            problems.append("InfluxDB does not answer; see the log of tstats api")
        body = msgspec.json.encode({"healthy": not problems, "problems": problems}) + b"\n"
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return Response(body, status, media_type=JSON)

    async def expose(_request: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    async def ping(_request: Request) -> Response:
        return json_response(b'{"ping":"pong"}')

    return [
        Route(method="GET", path="/healthz", handler=healthz),
        Route(method="GET", path="/metrics", handler=expose),
        Route(method="GET", path="ping", handler=ping),
    ]
