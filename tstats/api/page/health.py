"""/page/start and /page/health: who may look, and how tstats itself is.

A light check, read once for all who look: the newest points of every policy, the minutes that the rollups
have, and which InfluxDBs answer. `tstats doctor` looks at everything.
"""

import asyncio
from typing import Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import tstats
from tstats import catalog, connections
from tstats.api.http.responses import json_answer
from tstats.api.http.routing import VERSIONS, Route
from tstats.api.http.service import Service
from tstats.api.http.ttl_cache import Remembered
from tstats.api.page import statements as influxql_page
from tstats.command import logs
from tstats.core.time import DAY, HOUR, MINUTE, SECOND
from tstats.errors import ServerError
from tstats.influx import health_statements as influxql_health
from tstats.influx import influxql
from tstats.influx.async_reader import InfluxReader

_SECONDS = 30.0  # for which it is believed
_PATIENCE = 5.0  # seconds for an InfluxDB to say that it is there
_RECENT: Final = 15 * MINUTE
_RAW_KEPT: Final = 26 * HOUR
_SUMMED: Final = 60 * DAY  # back to where the last summarized day is looked for
_LOOKED_AT: Final = 6 * HOUR  # of the rollups
# A minute is rolled up after its end, and with it what is made from its rollups.
_SETTLING: Final = 3 * MINUTE
_AHEAD = 5 * MINUTE
# The sums of CDNs, and what is of whole delivery services: a hole in what the sums are made from is one here,
# too, and to count the points of each cache would take the server long.
_COUNTED: Final = [
    rollup
    for rollup in catalog.ROLLUPS
    if rollup.interval == MINUTE and (rollup.tags or rollup in catalog.DELIVERYSERVICE_METRICS.values())
]


class _Age(NamedTuple):
    database: str
    policy: str
    measurement: str
    newest: int  # s since the epoch


class _Rolled(NamedTuple):
    name: str
    minutes: int
    expected: int


class _Answers(NamedTuple):
    url: str
    answers: bool


class _Health(NamedTuple):
    now: int
    newest: list[_Age]
    rollups: list[_Rolled]
    servers: list[_Answers]
    problems: list[str]


class PageHealth:
    """The handlers.

    Args:
        service: what they work with.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        settings = service.settings
        self._readers = {
            url: InfluxReader([connections.endpoint(settings, url)], seconds=_PATIENCE, connections=1)
            for url in connections.queried_urls(settings)
        }
        self._health = Remembered[str, _Health](seconds=_SECONDS)
        self._log = logs.get("api")

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route(method="GET", path="/page/start", handler=self.start),
            Route(method="GET", path="/page/health", handler=self.health),
        ]

    async def aclose(self) -> None:
        """Give the connections back."""
        await self._health.aclose()
        for reader in self._readers.values():
            await reader.aclose()

    async def start(self, _request: Request) -> Response:
        """What the page needs to know before anybody is let in."""
        body = msgspec.json.encode({"auth": self._service.settings.api_auth})
        return json_answer(body)

    async def health(self, request: Request) -> Response:
        """How tstats is; the addresses of its servers are for callers who may write."""
        caller = await self._service.access.caller(request.headers)
        found = await self._health.get("", self._read)
        body = {
            "version": tstats.__version__,
            "apiVersions": VERSIONS,
            "auth": self._service.settings.api_auth,
            "now": found.now,
            "newest": [one._asdict() for one in found.newest],
            "rollups": [one._asdict() for one in found.rollups],
            "servers": [
                {"name": one.url if caller.may_write else f"InfluxDB {number}", "answers": one.answers}
                for number, one in enumerate(found.servers, start=1)
            ],
            "problems": found.problems,
        }
        return json_answer(msgspec.json.encode(body), headers={"Vary": "Accept-Encoding"})

    async def _read(self) -> _Health:
        now = int(self._service.clock()) * SECOND
        problems: list[str] = []
        servers = await asyncio.gather(*(self._answers(url) for url in self._readers))
        newest: list[_Age] = []
        rollups: list[_Rolled] = []
        for database, policy, back in self._policies():
            try:
                newest += await self._newest(database, policy, now, back)
            except ServerError as error:
                self._log.warning("page_health", error=str(error))
                problems.append(f"{database}.{policy} cannot be read; the log of tstats api says why")
        try:
            rollups = await self._rollups(now)
        except ServerError as error:
            self._log.warning("page_health", error=str(error))
            problems.append("the rollups cannot be read; the log of tstats api says why")
        return _Health(
            now=now // SECOND, newest=newest, rollups=rollups, servers=list(servers), problems=problems
        )

    def _policies(self) -> list[tuple[str, str, int]]:
        """Database, policy, and how far back its newest points may be."""
        settings = self._service.settings
        raw = {
            catalog.CACHE_STATS: settings.cache_retention_policy or catalog.DAILY,
            catalog.DELIVERYSERVICE_STATS: settings.ds_retention_policy or catalog.DAILY,
        }
        found = [
            (database, policy, _RAW_KEPT)
            for database, first in raw.items()
            for policy in dict.fromkeys((first, catalog.MONTHLY))
        ]
        summaries = settings.daily_summary_retention_policy or catalog.INDEFINITE
        return [*found, (catalog.DAILY_STATS, summaries, _SUMMED)]

    async def _newest(self, database: str, policy: str, now: int, back: int) -> list[_Age]:
        # Few shards first: to look for the newest point of each series in all of them takes the server long.
        for window in (_RECENT, back):
            end = now + _AHEAD
            statement = influxql_health.newest_of_each(database, policy, start=now - window, end=end)
            if series := await self._service.reader.query(statement, database=database):
                return [_Age(database, policy, one.name, one.values[0][0] // SECOND) for one in series]
        return []

    async def _rollups(self, now: int) -> list[_Rolled]:
        end = (now - _SETTLING) // MINUTE * MINUTE
        start = end - _LOOKED_AT
        statements = influxql_page.minutes_with_points(_COUNTED, start=start, end=end)
        results = await self._service.reader.results(statements)
        return [
            _Rolled(rollup.name, int(series[0].values[0][1]) if series else 0, (end - start) // MINUTE)
            for rollup, series in zip(_COUNTED, results, strict=True)
        ]

    async def _answers(self, url: str) -> _Answers:
        try:
            await self._readers[url].query(influxql.show_databases())
        except ServerError as error:
            self._log.warning("page_health", error=str(error))
            return _Answers(url, answers=False)
        return _Answers(url, answers=True)
