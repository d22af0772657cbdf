"""The routes of stats_summary: reading and recording daily summaries in the SQL database."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http import HTTPStatus
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.access.access import Access
from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.http.responses import alert_response, json_response
from tstats.api.http.routing import Route
from tstats.api.stats_summary import post, query
from tstats.api.stats_summary.query import LastQuery, RecordQuery
from tstats.api.stats_summary.record import last_as_json, records_as_json
from tstats.api.stats_summary.table import SummaryTable
from tstats.command import logs
from tstats.errors import DatabaseError, UnreachableError

CREATED: Final = "Stats Summary was successfully created"
MAY_NOT_WRITE: Final = "missing required Permissions: STAT:CREATE"
UNREACHABLE: Final = "The database of the summaries cannot be reached right now; try again later"
UNUSABLE: Final = "The database of the summaries is locked or not set up; see the log of this server"
BUSY: Final = "The database of the summaries is too busy right now; try again later"
_TOO_MANY: Final = (
    "There are more than {} records, too many for one response: filter by cdnName, deliveryServiceName or"
    " statName, or read them in pages with limit and offset"
)
_THREADS = 4  # and so SQL sessions per process
_MAX_QUEUED = 60
Result = TypeVar("Result")


class SummaryHandlers:
    """The handlers. Calls to the database block, so they run in a few threads, with a short queue.

    Args:
        access: who may read and record.
        table: the records.
        max_records: the most records in a response.
    """

    def __init__(self, access: Access, table: SummaryTable, *, max_records: int) -> None:
        self._access = access
        self._table = table
        self._max_records = max_records
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="summaries")
        self._pending = 0
        self._log = logs.get("api")

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(method="GET", path="stats_summary", handler=self.read),
            Route(method="POST", path="stats_summary", handler=self.record),
        ]

    async def read(self, request: Request) -> Response:
        """Return records, or the time of the last one."""
        await self._access.caller(request.headers)
        asked = query.parse(parameters(request.scope["query_string"]))
        version = request.path_params["version"]
        body = await self._in_thread(
            partial(read_body, self._table, asked, version, max_records=self._max_records)
        )
        return json_response(body, headers={"Vary": "Accept-Encoding"})

    async def record(self, request: Request) -> Response:
        """Record a summary."""
        caller = await self._access.caller(request.headers)
        if not caller.may_write:
            raise Problem(HTTPStatus.FORBIDDEN, MAY_NOT_WRITE)
        record = post.parse(await request.body())
        await self._in_thread(partial(self._table.save, record))
        return alert_response(HTTPStatus.OK, CREATED, level="success")

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._pending >= _THREADS + _MAX_QUEUED:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, BUSY)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except UnreachableError as error:
            self._log.error("summary_database_unreachable", error=str(error))
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, UNREACHABLE) from error
        except DatabaseError as error:
            self._log.error("summary_database_failed", error=str(error))
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, UNUSABLE) from error
        finally:
            self._pending -= 1


def read_body(
    table: SummaryTable, asked: RecordQuery | LastQuery, version: str, *, max_records: int
) -> bytes:
    """Return the body of a response: JSON as this version of the API writes it.

    Raises:
        Problem: 400, if there are more than `max_records`.
        UnreachableError, DatabaseError: the database cannot be read.
    """
    if isinstance(asked, LastQuery):
        return last_as_json(table.last(asked.stat), version)
    parts: list[bytes] = []
    left = max_records
    with closing(table.read(asked, max_records=max_records + 1)) as batches:
        for records in batches:
            left -= len(records)
            if left < 0:
                raise Problem(HTTPStatus.BAD_REQUEST, _TOO_MANY.format(max_records))
            parts.append(records_as_json(records, version))
    return b'{"response":[' + b",".join(parts) + b"]}"
