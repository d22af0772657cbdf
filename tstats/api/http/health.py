"""/healthz and /metrics: for whoever watches over the API; no session is asked for."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tstats import logs
from tstats.api.answers import JSON
from tstats.api.routing import Route
from tstats.api.service import Service
from tstats.api.telemetry import CONTENT_TYPE
from tstats.core import influxql
from tstats.errors import TstatsError


def routes(service: Service) -> list[Route]:
    """The routes of the watchers."""
    log = logs.get("api")

    async def healthz(_request: Request) -> Response:
        problems = []
        try:
            await service.reader.query(influxql.show_databases())
        except TstatsError as error:  # its text names addresses, which are not for everybody
            log.warning("unhealthy", error=str(error))
            problems.append("InfluxDB does not answer; the log of tstats api says why")
        body = msgspec.json.encode({"healthy": not problems, "problems": problems}) + b"\n"
        return Response(body, 503 if problems else 200, media_type=JSON)

    async def metrics(_request: Request) -> Response:
        return Response(service.telemetry.exposition(), media_type=CONTENT_TYPE)

    return [
        Route(method="GET", path="/healthz", handler=healthz),
        Route(method="GET", path="/metrics", handler=metrics),
    ]
