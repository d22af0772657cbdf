"""GET and POST stats_summary: the daily summaries, out of the SQL database and into it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.access.access import Access, Denied
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import alert, json_answer
from tstats.api.http.routing import Route
from tstats.api.stats_summary import post as stats_summary_post
from tstats.api.stats_summary import query as stats_summary_query
from tstats.api.stats_summary.answer import StatsSummaries
from tstats.command import logs
from tstats.errors import DatabaseError, UnreachableError

CREATED: Final = "Stats Summary was successfully created"
MAY_NOT_WRITE: Final = "missing required Permissions: STAT:CREATE"
OUT_OF_REACH: Final = "The database of the summaries cannot be reached now; ask again later"
NOT_USABLE: Final = "The database of the summaries is locked or not set up; the log of this server says more"
BUSY: Final = "The database of the summaries has too much to do now; ask again later"
_FORBIDDEN, _UNAVAILABLE = 403, 503
_AT_ONCE = 4  # SQL sessions of a process
_WAITING = 60
Result = TypeVar("Result")


def routes(access: Access, summaries: StatsSummaries) -> tuple[Route, ...]:
    """The ways in.

    Args:
        access: who may ask; recording is for those who may write.
        summaries: what they get, and where it is kept.
    """
    handlers = _Handlers(access, summaries)
    return (
        Route(method="GET", path="stats_summary", handler=handlers.read),
        Route(method="POST", path="stats_summary", handler=handlers.record),
    )


class _Handlers:
    """The database's calls wait, so they have threads of their own: a few, and a short queue before them."""

    def __init__(self, access: Access, summaries: StatsSummaries) -> None:
        self._access = access
        self._summaries = summaries
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="summaries")
        self._pending = 0
        self._log = logs.get("api")

    async def read(self, request: Request) -> Response:
        await self._access.caller(request.headers)
        query = stats_summary_query.parse(parameters(request.scope["query_string"]))
        body = await self._in_thread(partial(self._summaries.answer, query, request.path_params["version"]))
        return json_answer(body, headers={"Vary": "Accept-Encoding"})

    async def record(self, request: Request) -> Response:
        caller = await self._access.caller(request.headers)
        if not caller.may_write:
            raise Denied(_FORBIDDEN, MAY_NOT_WRITE)
        record = stats_summary_post.parse(await request.body())
        await self._in_thread(partial(self._summaries.record, record))
        return alert(200, CREATED, level="success")

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._pending >= _AT_ONCE + _WAITING:
            raise Denied(_UNAVAILABLE, BUSY)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except UnreachableError as error:
            self._log.error("the summaries' database cannot be reached", error=str(error))
            raise Denied(_UNAVAILABLE, OUT_OF_REACH) from error
        except DatabaseError as error:
            self._log.error("the summaries' database refuses", error=str(error))
            raise Denied(_UNAVAILABLE, NOT_USABLE) from error
        finally:
            self._pending -= 1
