"""What there is, with its last values, for the page's tables: caches, delivery services, days."""

import asyncio
from operator import itemgetter
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.access.access import Caller
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import json_answer
from tstats.api.http.routing import Route
from tstats.api.http.service import Service
from tstats.api.http.ttl_cache import Remembered
from tstats.api.page import statements as influxql_page
from tstats.api.page.query import parse_days
from tstats.api.page.response import Last, caches_answer, days_answer, last_by
from tstats.core.time import DAY, HOUR, MINUTE, SECOND
from tstats.summaries.day import ALL

_SECONDS = 20.0  # for which the last values are believed
_SILENT: Final = DAY  # so long a cache is listed that gives no points any more
_ROLLUPS = {rollup.name: rollup for rollup in catalog.ROLLUPS}
_OF_CACHES = [_ROLLUPS[name] for name in ("bandwidth_1min", "maxKbps_1min", "connections_1min")]
_CACHE_TAGS = ("cdn", "cachegroup", "hostname", "type")
_OF_SERVICES = [catalog.DELIVERYSERVICE_METRICS[name] for name in ("kbps", "tps_total", "tps_4xx", "tps_5xx")]
_SERVICE_TAGS = ("deliveryservice", "cdn")
_MOST_ASKED: Final = 40  # delivery services: the access may have to ask Traffic Ops about each
_AHEAD = 5 * MINUTE  # of clocks that differ

Services = list[dict[str, str | float | int | None]]


class PageLists:
    """The handlers; each kind of last values is read once for all who look, every few seconds.

    Args:
        service: what they work with.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._caches = Remembered[str, bytes](seconds=_SECONDS)
        self._services = Remembered[str, Services](seconds=_SECONDS)

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route(method="GET", path="/page/caches", handler=self.caches),
            Route(method="GET", path="/page/deliveryservices", handler=self.delivery_services),
            Route(method="GET", path="/page/days", handler=self.days),
        ]

    async def aclose(self) -> None:
        """End what is being asked."""
        await self._caches.aclose()
        await self._services.aclose()

    async def caches(self, request: Request) -> Response:
        """Every cache that had points on the last day."""
        await self._service.access.caller(request.headers)
        body = await self._caches.get("", self._read_caches)
        return json_answer(body, headers={"Vary": "Accept-Encoding"})

    async def delivery_services(self, request: Request) -> Response:
        """Delivery services that the caller sees and whose xmlId has the text `like`, the busiest first."""
        caller = await self._service.access.caller(request.headers)
        like = parameters(request.scope["query_string"]).get("like", "").lower()
        every = await self._services.get("", self._read_services)
        matching = [one for one in every if like in str(one["name"]).lower()]
        asked = matching[:_MOST_ASKED]
        seen = await asyncio.gather(*(self._sees(caller, str(one["name"])) for one in asked))
        shown = [one for one, sees in zip(asked, seen, strict=True) if sees]
        # Whether there is more to look at; not how much: that is not for everybody.
        body = msgspec.json.encode({"deliveryservices": shown, "more": len(matching) > len(asked)})
        return json_answer(body, headers={"Vary": "Accept-Encoding"})

    async def days(self, request: Request) -> Response:
        """The daily summaries of the CDNs that the caller sees."""
        caller = await self._service.access.caller(request.headers)
        days = parse_days(parameters(request.scope["query_string"]))
        visible = set(await self._service.access.cdns(caller))
        end = (self._now() // DAY + 1) * DAY
        summaries = catalog.DAILY_SUMMARIES
        policy = self._service.settings.daily_summary_retention_policy or catalog.INDEFINITE
        statements = influxql_page.daily(
            catalog.DAILY_STATS, policy, summaries, of=ALL, start=end - (days + 1) * DAY, end=end
        )
        results = await self._service.reader.results(statements)
        answers = {
            summary.name: [one for one in series if one.tags["cdn"] in visible]
            for summary, series in zip(summaries, results, strict=True)
        }
        return json_answer(days_answer(answers), headers={"Vary": "Accept-Encoding"})

    async def _sees(self, caller: Caller, name: str) -> bool:
        return await self._service.access.delivery_service(caller, name=name, id_or_name=None) is not None

    async def _read_caches(self) -> bytes:
        now = self._now()
        statements = influxql_page.last_values(
            _OF_CACHES, *_CACHE_TAGS, start=now - _SILENT, end=now + _AHEAD
        )
        results = await self._service.reader.results(statements)
        bandwidth, capacity, connections = (last_by(series, *_CACHE_TAGS) for series in results)
        return caches_answer(bandwidth, capacity, connections)

    async def _read_services(self) -> Services:
        now = self._now()
        statements = influxql_page.last_values(
            _OF_SERVICES, *_SERVICE_TAGS, start=now - HOUR, end=now + _AHEAD
        )
        results = await self._service.reader.results(statements)
        kbps, total, client_errors, errors = (last_by(series, *_SERVICE_TAGS) for series in results)
        nothing = Last(value=0.0, time=0)
        found: Services = [
            {
                "name": key[0],
                "cdn": key[1],
                "kbps": one.value,
                "tps": total.get(key, nothing).value,
                "tps_4xx": client_errors.get(key, nothing).value,
                "tps_5xx": errors.get(key, nothing).value,
                "time": one.time,
            }
            for key, one in kbps.items()
        ]
        return sorted(found, key=itemgetter("kbps"), reverse=True)

    def _now(self) -> int:
        return int(self._service.clock()) * SECOND
