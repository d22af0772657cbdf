"""The page's tables: caches, delivery services and days, with their last values."""

import asyncio
import time
from operator import itemgetter
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tstats import catalog
from tstats.api.access.access import Access, Caller
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import json_response
from tstats.api.http.routing import Route
from tstats.api.http.ttl_cache import TtlCache
from tstats.api.page import statements
from tstats.api.page.query import parse_days
from tstats.api.page.response import LastValue, caches_body, days_body, last_by
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.async_reader import InfluxReader
from tstats.summaries.day import ALL

_TTL = 20.0  # seconds
_LISTED: Final = DAY  # how long a cache without new points stays in the list
_CACHE_ROLLUPS = [
    catalog.ROLLUPS_BY_NAME[name] for name in ("bandwidth_1min", "maxKbps_1min", "connections_1min")
]
_CACHE_TAGS = ("cdn", "cachegroup", "hostname", "type")
_DELIVERY_SERVICE_ROLLUPS = [
    catalog.DELIVERYSERVICE_METRICS[name] for name in ("kbps", "tps_total", "tps_4xx", "tps_5xx")
]
_DELIVERY_SERVICE_TAGS = ("deliveryservice", "cdn")
_MAX_DELIVERY_SERVICES: Final = 40  # per request: Traffic Ops may have to be asked about each
_CLOCK_SKEW = 5 * MINUTE

DeliveryServices = list[dict[str, str | float | int | None]]


class PageLists:
    """The handlers; last values are read once for all callers, every few seconds.

    Args:
        access: who may read what.
        reader: InfluxDB.
        daily_policy: the retention policy of the daily summaries.
    """

    def __init__(self, access: Access, reader: InfluxReader, *, daily_policy: str) -> None:
        self._access = access
        self._reader = reader
        self._daily_policy = daily_policy
        self._caches = TtlCache[str, bytes](ttl=_TTL)
        self._delivery_services = TtlCache[str, DeliveryServices](ttl=_TTL)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(method="GET", path="/page/caches", handler=self.caches),
            Route(method="GET", path="/page/deliveryservices", handler=self.delivery_services),
            Route(method="GET", path="/page/days", handler=self.days),
        ]

    async def aclose(self) -> None:
        """Cancel the reads in progress."""
        await self._caches.aclose()
        await self._delivery_services.aclose()

    async def caches(self, request: Request) -> Response:
        """Return every cache that had points during the last day."""
        await self._access.caller(request.headers)
        body = await self._caches.get("", self._read_caches)
        return json_response(body, headers={"Vary": "Accept-Encoding"})

    async def delivery_services(self, request: Request) -> Response:
        """Return the delivery services visible to the caller whose xmlId contains `like`, busiest first."""
        caller = await self._access.caller(request.headers)
        like = parameters(request.scope["query_string"]).get("like", "").lower()
        found = await self._delivery_services.get("", self._read_delivery_services)
        matching = [service for service in found if like in str(service["name"]).lower()]
        candidates = matching[:_MAX_DELIVERY_SERVICES]
        visible = await asyncio.gather(*(self._may_see(caller, str(row["name"])) for row in candidates))
        shown = [service for service, may_see in zip(candidates, visible, strict=True) if may_see]
        # Whether there are more, but not how many: that is not for everybody.
        body = msgspec.json.encode({"deliveryservices": shown, "more": len(matching) > len(candidates)})
        return json_response(body, headers={"Vary": "Accept-Encoding"})

    async def days(self, request: Request) -> Response:
        """Return the daily summaries of the CDNs that the caller may see."""
        caller = await self._access.caller(request.headers)
        days = parse_days(parameters(request.scope["query_string"]))
        visible = set(await self._access.cdns(caller))
        end = (time.time_ns() // DAY + 1) * DAY
        summaries = catalog.DAILY_SUMMARIES
        statement = statements.daily(
            catalog.DAILY_STATS,
            self._daily_policy,
            summaries,
            deliveryservice=ALL,
            start=end - (days + 1) * DAY,
            end=end,
        )
        results = {
            summary.name: [entry for entry in series if entry.tags["cdn"] in visible]
            for summary, series in zip(summaries, await self._reader.results(statement), strict=True)
        }
        return json_response(days_body(results), headers={"Vary": "Accept-Encoding"})

    async def _may_see(self, caller: Caller, name: str) -> bool:
        return await self._access.delivery_service(caller, name=name, id_or_name=None) is not None

    async def _read_caches(self) -> bytes:
        now = time.time_ns()
        statement = statements.last_values(
            _CACHE_ROLLUPS, *_CACHE_TAGS, start=now - _LISTED, end=now + _CLOCK_SKEW
        )
        results = await self._reader.results(statement)
        bandwidth, capacity, connections = (last_by(series, *_CACHE_TAGS) for series in results)
        return caches_body(bandwidth, capacity, connections)

    async def _read_delivery_services(self) -> DeliveryServices:
        now = time.time_ns()
        statement = statements.last_values(
            _DELIVERY_SERVICE_ROLLUPS, *_DELIVERY_SERVICE_TAGS, start=now - HOUR, end=now + _CLOCK_SKEW
        )
        results = await self._reader.results(statement)
        kbps, total, client_errors, errors = (last_by(series, *_DELIVERY_SERVICE_TAGS) for series in results)
        zero = LastValue(value=0.0, time=0)
        found: DeliveryServices = [
            {
                "name": key[0],
                "cdn": key[1],
                "kbps": last.value,
                "tps": total.get(key, zero).value,
                "tps_4xx": client_errors.get(key, zero).value,
                "tps_5xx": errors.get(key, zero).value,
                "time": last.time,
            }
            for key, last in kbps.items()
        ]
        return sorted(found, key=itemgetter("kbps"), reverse=True)
