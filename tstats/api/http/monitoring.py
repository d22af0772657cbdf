"""/healthz and /metrics: for whoever watches over the API; no session is asked for."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.metrics import CONTENT_TYPE
from tstats.api.http.responses import JSON
from tstats.api.http.routing import Route
from tstats.api.http.service import Service
from tstats.command import logs
from tstats.errors import TstatsError
from tstats.influx import influxql


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
