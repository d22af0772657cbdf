"""The API as an ASGI application.

It uses no web framework: Traffic Ops' order of checks, its 404 for a wrong method and its 501 for an unknown
version leave nothing for a framework's routing and validation to do but take time, of which a request has
little.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tstats.api.http.metrics import ApiMetrics
from tstats.api.http.problem import Problem
from tstats.api.http.responses import alert_response, finalize, with_defaults
from tstats.api.http.routing import VERSIONS, Handler, Route
from tstats.command import logs
from tstats.errors import RefusedError, ServerError, SlowError, TstatsError

Closer = Callable[[], Awaitable[None]]

_API_PATH = re.compile(r"/api/([0-9]+(?:\.[0-9]+)*)(?:/|\Z)")
_UNKNOWN_VERSION = (
    "The requested api version is not implemented by this server. If you are using a newer client with an"
    " older server, you will need to use an older client version or upgrade your server."
)
_DISCONNECT_WATCH_DELAY = 0.1  # seconds after which a request's caller is watched
_BODY_SECONDS = 30.0  # for the whole body of a request
_NO_ROUTE = "none"  # the label of the metrics


class App:
    """The application; it answers every request, whatever goes wrong.

    Args:
        routes: the routes.
        metrics: counts the requests.
        max_body_bytes: the largest body of a request.
        query_seconds: the time limit of a query, as shown to callers.
        closers: awaited in order when the server stops.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        metrics: ApiMetrics,
        max_body_bytes: int,
        query_seconds: float,
        closers: Sequence[Closer] = (),
    ) -> None:
        self.routes = tuple(routes)
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._query_seconds = query_seconds
        self._closers = closers
        self._by_path = {(route.method, _full_path(route.path)): route for route in self.routes}
        self._log = logs.get("api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or take part in the server's start and stop."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def aclose(self) -> None:
        """Close everything the handlers use."""
        for closer in self._closers:
            await closer()

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await self.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        route = self._route(scope)
        body = _RequestBody(receive, max_bytes=self._max_body_bytes)
        request = Request(scope, body.receive)
        try:
            response = await self._respond(route, request, receive)
        except _CallerGoneError:
            return
        if hasattr(response, "body"):
            status, headers, content = finalize(
                response,
                accept_encoding=request.headers.get("accept-encoding", ""),
                if_none_match=request.headers.get("if-none-match"),
            )
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": content})
        else:  # a streaming response
            status = response.status_code
            await response(scope, receive, _sending_defaults(send))
        label = route.path if route else _NO_ROUTE
        self._metrics.count_request(label, status, time.perf_counter() - started)

    def _route(self, scope: Scope) -> Route | None:
        """Return the route of a request, and store the API's version in its scope."""
        method, path = scope["method"], scope["path"]
        if path.startswith("/api/"):
            version, _, rest = path[5:].partition("/")
            if version not in VERSIONS:
                return None
            scope["path_params"] = {"version": version}
            path = "/api/*/" + rest.removesuffix("/")
        return self._by_path.get((method, path))

    async def _respond(self, route: Route | None, request: Request, receive: Receive) -> Response:
        if route is None:
            return _not_found(request.scope["path"])
        try:
            if request.method == "GET":
                return await _unless_caller_leaves(route.handler, request, receive)
            return await route.handler(request)
        except Problem as problem:
            return alert_response(problem.status, problem.text)
        except TstatsError as error:  # its text may name addresses and statements: only the log gets it
            self._log.error("unanswered", route=route.path, error=str(error))
            return alert_response(HTTPStatus.SERVICE_UNAVAILABLE, self._excuse(error))
        except (ClientDisconnect, _CallerGoneError):
            raise _CallerGoneError from None
        except Exception:  # noqa: BLE001 (the caller always gets a response, and the log the traceback)
            self._log.exception("failed", route=route.path)
            return alert_response(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

    def _excuse(self, error: TstatsError) -> str:
        if isinstance(error, SlowError):
            return (
                f"InfluxDB did not answer within {self._query_seconds} s; try a shorter range or a longer"
                " interval, or try again later"
            )
        if isinstance(error, RefusedError):
            return (
                "InfluxDB does not have these data, or does not let the API read them; see the log of tstats"
                " api"
            )
        if isinstance(error, ServerError):
            return "InfluxDB cannot be reached right now; try again later"
        return "this request cannot be answered right now; see the log of tstats api"


class _CallerGoneError(Exception):
    """Nobody is waiting for the response any more."""


class _RequestBody:
    """The body of a request, limited in size and time."""

    def __init__(self, receive: Receive, *, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._size = 0
        self._deadline: float | None = None

    async def receive(self) -> Message:
        """Return the next part of the body.

        Raises:
            Problem: 413 or 408.
        """
        loop = asyncio.get_running_loop()
        self._deadline = self._deadline or loop.time() + _BODY_SECONDS
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The body of the request did not arrive within {_BODY_SECONDS:g} s",
            ) from None
        self._size += len(message.get("body", b""))
        if self._size > self._max_bytes:
            raise Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"The body of the request is larger than {self._max_bytes} bytes",
            )
        return message


async def _unless_caller_leaves(handler: Handler, request: Request, receive: Receive) -> Response:
    """Return the handler's response; cancel the handler when the caller disconnects.

    The caller is watched only after a short delay: most responses are faster than starting a task for that.

    Raises:
        _CallerGoneError: the caller has disconnected.
    """
    loop = asyncio.get_running_loop()
    handling = asyncio.current_task()
    watchers: list[asyncio.Task[bool]] = []

    async def watch() -> bool:
        while (await receive())["type"] != "http.disconnect":
            pass
        return bool(handling and handling.cancel())

    timer = loop.call_later(_DISCONNECT_WATCH_DELAY, lambda: watchers.append(loop.create_task(watch())))
    try:
        return await handler(request)
    except asyncio.CancelledError:
        if handling and any(watcher.done() and not watcher.cancelled() for watcher in watchers):
            handling.uncancel()
            raise _CallerGoneError from None
        raise
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()


def _not_found(path: str) -> Response:
    match = _API_PATH.match(path)
    if match and match[1] not in VERSIONS:
        return alert_response(HTTPStatus.NOT_IMPLEMENTED, _UNKNOWN_VERSION, vary=False)
    text = f"The requested path '{path}' does not exist."
    return alert_response(HTTPStatus.NOT_FOUND, text, vary=False)


def _full_path(path: str) -> str:
    return path if path.startswith("/") else f"/api/*/{path}"


def _sending_defaults(send: Send) -> Send:
    async def send_with_defaults(message: Any) -> None:  # noqa: ANN401 (any ASGI message)
        if message["type"] == "http.response.start":
            message["headers"] = with_defaults(list(message["headers"]))
        await send(message)

    return send_with_defaults
