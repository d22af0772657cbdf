"""The API as an ASGI application.

A small one of our own: Traffic Ops' order of checks, its 404 for a wrong method and its 501 for a version
leave nothing for a framework's routing and validation to do but take time, of which a request has little.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tstats.api.access.access import Denied
from tstats.api.http.problem import Problem
from tstats.api.http.responses import alert, finished, preset
from tstats.api.http.routing import VERSIONS, Handler, Route
from tstats.api.http.service import Service
from tstats.command import logs
from tstats.errors import RefusedError, ServerError, SlowError, TstatsError

Closer = Callable[[], Awaitable[None]]

_OF_API = re.compile(r"/api/([0-9]+(?:\.[0-9]+)*)(?:/|\Z)")
_UNSERVED = (
    "The requested api version is not implemented by this server. If you are using a newer client with an"
    " older server, you will need to use an older client version or upgrade your server."
)
_NOT_FOUND, _TIMED_OUT, _TOO_LARGE = 404, 408, 413
_FAULT, _NOT_IMPLEMENTED, _UNAVAILABLE = 500, 501, 503
_PATIENCE = 0.1  # seconds of a request from which on it is watched whether its caller still waits
_BODY_SECONDS = 30.0  # for the whole body of a request
_NOWHERE = "none"  # the route of what has none, in the metrics


class App:
    """Answers every request, whatever becomes of it.

    Args:
        service: what the handlers work with; closed at the end.
        routes: the ways in.
        closers: awaited at the end, too.
    """

    def __init__(self, service: Service, routes: Sequence[Route], *, closers: Sequence[Closer] = ()) -> None:
        self._service = service
        self._closers = (*closers, service.access.aclose, service.reader.aclose)
        self._exact = {
            (each.method, _full(each.path)): each for each in routes if not each.path.endswith("*")
        }
        self._beginnings = [each for each in routes if each.path.endswith("*")]
        self._log = logs.get("api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def aclose(self) -> None:
        """Give everything back."""
        for closer in self._closers:
            await closer()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route = self._route(scope)
        body = _Body(receive, most=self._service.settings.api_max_body_bytes)
        request = Request(scope, body.receive)
        try:
            response = await self._answer(route, request, receive)
        except _GoneError:
            return
        if hasattr(response, "body"):
            status, headers, content = finished(
                response,
                accept_encoding=request.headers.get("accept-encoding", ""),
                none_match=request.headers.get("if-none-match"),
            )
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        else:
            status = response.status_code  # of one that is sent as it is made: a file
            await response(scope, receive, _presetting(send))
        shown = route.path if route else _NOWHERE
        self._service.telemetry.answered(shown, status, time.perf_counter() - started)

    def _route(self, scope: Scope) -> Route | None:
        """The route of a request, whose scope then names the API's version."""
        method, path = scope["method"], scope["path"]
        if path.startswith("/api/"):
            version, _, rest = path[5:].partition("/")
            if version not in VERSIONS:
                return None
            scope["path_params"] = {"version": version}
            return self._exact.get((method, "/api/*/" + rest.removesuffix("/")))
        found = self._exact.get((method, path))
        return found or next((one for one in self._beginnings if _begins(one, method, path)), None)

    async def _answer(self, route: Route | None, request: Request, receive: Receive) -> Response:
        if route is None:
            return _nowhere(request.scope["path"])
        try:
            if request.method == "GET":
                return await _while_awaited(route.handler, request, receive)
            return await route.handler(request)
        except (Denied, Problem) as problem:
            return alert(problem.status, problem.text)
        except TstatsError as error:  # its text may name addresses and statements: the log has it
            self._log.error("unanswered", route=route.path, error=str(error))
            return alert(_UNAVAILABLE, self._excuse(error))
        except (ClientDisconnect, _GoneError):
            raise _GoneError from None
        except Exception:  # noqa: BLE001 (whatever it is: the caller gets an answer, the log all of it)
            self._log.exception("failed", route=route.path)
            return alert(_FAULT, "Internal Server Error")

    def _excuse(self, error: TstatsError) -> str:
        if isinstance(error, SlowError):
            seconds = self._service.settings.api_query_timeout
            return (
                f"InfluxDB did not answer within {seconds} s; ask for a shorter range or a longer interval,"
                " or try again later"
            )
        if isinstance(error, RefusedError):
            return (
                "InfluxDB has no such data, or does not let the API read it; the log of tstats api says why"
            )
        if isinstance(error, ServerError):
            return "InfluxDB cannot be reached now; try again later"
        return "this cannot be answered now; the log of tstats api says why"


class _GoneError(Exception):
    """Nobody waits for the answer any more."""


class _Body:
    """The body of a request, within its bounds."""

    def __init__(self, receive: Receive, *, most: int) -> None:
        self._receive = receive
        self._most = most
        self._size = 0
        self._deadline: float | None = None

    async def receive(self) -> Message:
        """The next part of it.

        Raises:
            Problem: 413, 408.
        """
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + _BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(_TIMED_OUT, f"The request's body did not come within {_BODY_SECONDS:g} s") from None
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise Problem(_TOO_LARGE, f"The request's body is larger than {self._most} bytes")
        return message


async def _while_awaited(handler: Handler, request: Request, receive: Receive) -> Response:
    """What the handler answers; it is cancelled when the caller goes away.

    That is looked after only when it takes a while: most answers are quicker than a task of its own is worth.

    Raises:
        _GoneError: the caller has gone.
    """
    loop = asyncio.get_running_loop()
    working = asyncio.current_task()
    watching: list[asyncio.Task[bool]] = []

    async def gone() -> bool:
        while (await receive())["type"] != "http.disconnect":
            pass
        return bool(working and working.cancel())

    timer = loop.call_later(_PATIENCE, lambda: watching.append(loop.create_task(gone())))
    try:
        return await handler(request)
    except asyncio.CancelledError:
        if working and any(watch.done() and not watch.cancelled() for watch in watching):
            working.uncancel()
            raise _GoneError from None
        raise
    finally:
        timer.cancel()
        for watch in watching:
            watch.cancel()


def _nowhere(path: str) -> Response:
    match = _OF_API.match(path)
    if match and match[1] not in VERSIONS:
        return alert(_NOT_IMPLEMENTED, _UNSERVED, vary=False)
    return alert(_NOT_FOUND, f"The requested path '{path}' does not exist.", vary=False)


def _full(path: str) -> str:
    return path if path.startswith("/") else f"/api/*/{path}"


def _begins(route: Route, method: str, path: str) -> bool:
    return route.method == method and path.startswith(_full(route.path)[:-1])


def _presetting(send: Send) -> Send:
    async def with_headers(message: Any) -> None:  # noqa: ANN401 (any message of ASGI)
        if message["type"] == "http.response.start":
            message["headers"] = preset(list(message["headers"]))
        await send(message)

    return with_headers
