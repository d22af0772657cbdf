"""/page/start and /page/health: how callers authenticate, and the health of tstats itself.

A light check, made once for all callers: the newest points of each retention policy, the minutes that the
rollups cover, and which InfluxDBs answer. `tstats doctor` checks everything.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import tstats
from tstats import catalog
from tstats.api.access.access import Access
from tstats.api.http.responses import json_response
from tstats.api.http.routing import VERSIONS, Route
from tstats.api.http.ttl_cache import TtlCache
from tstats.api.page import statements
from tstats.command import logs
from tstats.core.time import DAY, HOUR, MINUTE, SECOND
from tstats.errors import ServerError
from tstats.influx import health_statements, influxql
from tstats.influx.async_reader import InfluxReader

_TTL = 30.0  # seconds
_RECENT: Final = 15 * MINUTE
_SUMMARIES_SEARCHED: Final = 60 * DAY  # how far back the last summarized day is looked for
_ROLLUPS_CHECKED: Final = 6 * HOUR
# A minute is rolled up after its end, and the rollups of rollups after that.
_SETTLING: Final = 3 * MINUTE
_CLOCK_SKEW = 5 * MINUTE
# The sums of CDNs and of whole delivery services: a gap in their sources is a gap here, too, and counting the
# points of each cache would take the server long.
_CHECKED_ROLLUPS: Final = [
    rollup
    for rollup in catalog.ROLLUPS
    if rollup.interval == MINUTE and (rollup.tags or rollup in catalog.DELIVERYSERVICE_METRICS.values())
]


class _NewestPoint(NamedTuple):
    database: str
    policy: str
    measurement: str
    newest: int  # seconds since the epoch


class _RollupCoverage(NamedTuple):
    name: str
    minutes: int
    expected: int


class _ServerStatus(NamedTuple):
    url: str
    answers: bool


class _Health(NamedTuple):
    now: int  # seconds since the epoch
    newest: list[_NewestPoint]
    rollups: list[_RollupCoverage]
    servers: list[_ServerStatus]
    problems: list[str]


class PageHealth:
    """The handlers.

    Args:
        access: who may read what.
        reader: any InfluxDB.
        servers: each InfluxDB, by its URL; closed with this.
        policies: the retention policy to which new points of each database are written.
        auth: the setting apiAuth.
    """

    def __init__(
        self,
        access: Access,
        reader: InfluxReader,
        *,
        servers: Mapping[str, InfluxReader],
        policies: Mapping[str, str],
        auth: str,
    ) -> None:
        self._access = access
        self._reader = reader
        self._servers = servers
        self._searched = _searched_policies(policies)
        self._auth = auth
        self._health = TtlCache[str, _Health](ttl=_TTL)
        self._log = logs.get("api")

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(method="GET", path="/page/start", handler=self.start),
            Route(method="GET", path="/page/health", handler=self.health),
        ]

    async def aclose(self) -> None:
        """Cancel the reads in progress and close the connections."""
        await self._health.aclose()
        for reader in self._servers.values():
            await reader.aclose()

    async def start(self, _request: Request) -> Response:
        """Return what the page needs to know before the caller has authenticated."""
        return json_response(msgspec.json.encode({"auth": self._auth}))

    async def health(self, request: Request) -> Response:
        """Return the health of tstats; only callers who may write see the addresses of its servers."""
        caller = await self._access.caller(request.headers)
        found = await self._health.get("", self._check)
        body = {
            "version": tstats.__version__,
            "apiVersions": VERSIONS,
            "auth": self._auth,
            "now": found.now,
            "newest": [point._asdict() for point in found.newest],
            "rollups": [coverage._asdict() for coverage in found.rollups],
            "servers": [
                {"name": server.url if caller.may_write else f"InfluxDB {number}", "answers": server.answers}
                for number, server in enumerate(found.servers, start=1)
            ],
            "problems": found.problems,
        }
        return json_response(msgspec.json.encode(body), headers={"Vary": "Accept-Encoding"})

    async def _check(self) -> _Health:
        now = time.time_ns()
        problems: list[str] = []
        servers = await asyncio.gather(*(self._check_server(url) for url in self._servers))
        newest: list[_NewestPoint] = []
        rollups: list[_RollupCoverage] = []
        for database, policy, back in self._searched:
            try:
                newest += await self._newest(database, policy, now, back)
            except ServerError as error:
                self._log.warning("page_health", error=str(error))
                problems.append(f"{database}.{policy} cannot be read; see the log of tstats api")
        try:
            rollups = await self._coverage(now)
        except ServerError as error:
            self._log.warning("page_health", error=str(error))
            problems.append("the rollups cannot be read; see the log of tstats api")
        return _Health(
            now=now // SECOND, newest=newest, rollups=rollups, servers=list(servers), problems=problems
        )

    async def _newest(self, database: str, policy: str, now: int, back: int) -> list[_NewestPoint]:
        # A few shards first: searching all of them for the newest point of each series takes long.
        for window in (_RECENT, back):
            statement = health_statements.newest_of_each(
                database, policy, start=now - window, end=now + _CLOCK_SKEW
            )
            if series := await self._reader.query(statement, database=database):
                return [
                    _NewestPoint(database, policy, entry.name, entry.values[0][0] // SECOND)
                    for entry in series
                ]
        return []

    async def _coverage(self, now: int) -> list[_RollupCoverage]:
        end = (now - _SETTLING) // MINUTE * MINUTE
        start = end - _ROLLUPS_CHECKED
        statement = statements.minutes_with_points(_CHECKED_ROLLUPS, start=start, end=end)
        results = await self._reader.results(statement)
        expected = (end - start) // MINUTE
        return [
            _RollupCoverage(rollup.name, int(series[0].values[0][1]) if series else 0, expected)
            for rollup, series in zip(_CHECKED_ROLLUPS, results, strict=True)
        ]

    async def _check_server(self, url: str) -> _ServerStatus:
        try:
            await self._servers[url].query(influxql.show_databases())
        except ServerError as error:
            self._log.warning("page_health", error=str(error))
            return _ServerStatus(url, answers=False)
        return _ServerStatus(url, answers=True)


def _searched_policies(policies: Mapping[str, str]) -> list[tuple[str, str, int]]:
    """Return databases and policies, and how far back, in ns, their newest points are looked for."""
    found = [
        (database, policy, catalog.RAW_RETENTION)
        for database in (catalog.CACHE_STATS, catalog.DELIVERYSERVICE_STATS)
        for policy in dict.fromkeys((policies[database], catalog.MONTHLY))
    ]
    return [*found, (catalog.DAILY_STATS, policies[catalog.DAILY_STATS], _SUMMARIES_SEARCHED)]
