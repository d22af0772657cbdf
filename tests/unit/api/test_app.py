"""The ASGI application: routing, errors and headers, without InfluxDB."""

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from tests.support.asgi_client import AppResponse, request
from tstats.api.http.app import App
from tstats.api.http.metrics import ApiMetrics
from tstats.api.http.problem import Problem
from tstats.api.http.responses import REVALIDATE, json_response
from tstats.api.http.routing import VERSIONS, Handler, Route
from tstats.errors import ConfigError, RefusedError, SlowError, TstatsError, UnreachableError

MAX_BODY = 100
UNKNOWN_VERSION = (
    "The requested api version is not implemented by this server. If you are using a newer client with an"
    " older server, you will need to use an older client version or upgrade your server."
)


def app(handler: Handler, *, method: str = "GET", path: str = "thing") -> App:
    return App(
        [Route(method=method, path=path, handler=handler)],
        metrics=ApiMetrics(),
        max_body_bytes=MAX_BODY,
        query_seconds=30,
    )


def returning(response: Callable[[], Response]) -> Handler:
    async def handler(_: Request) -> Response:
        return response()

    return handler


def raising(error: Exception) -> Handler:
    async def handler(_: Request) -> Response:
        raise error

    return handler


THING = b'{"response":"thing"}'
THINGS = returning(lambda: json_response(THING))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_route_serves_every_version_with_or_without_a_trailing_slash(version: str, end: str) -> None:
    async def handler(request: Request) -> Response:
        return json_response(request.path_params["version"].encode())

    assert request(app(handler), f"/api/{version}/thing{end}?x=1").body == version.encode()


@pytest.mark.parametrize("version", ["1.4", "2.0", "3.2", "5", "5.1", "6.0", "5.0.0"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_any_other_version_is_not_implemented(version: str, method: str) -> None:
    response = request(app(THINGS), f"/api/{version}/thing", method=method)
    assert response.alert == (501, "error", UNKNOWN_VERSION)
    assert "vary" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_a_wrong_method_is_not_found(method: str) -> None:
    response = request(app(THINGS), "/api/5.0/thing?a=b", method=method)
    assert response.alert == (404, "error", "The requested path '/api/5.0/thing' does not exist.")
    assert "vary" not in response.headers


@pytest.mark.parametrize(
    "path",
    ["/", "/thing", "/api/5.0/", "/api/5.0/things", "/api/5.0/thing//", "/api/*/thing", "/api/x/thing"],
)
def test_a_wrong_path_is_not_found(path: str) -> None:
    assert request(app(THINGS), path).alert == (404, "error", f"The requested path '{path}' does not exist.")


def test_a_path_with_a_leading_slash_is_outside_of_the_api() -> None:
    assert request(app(THINGS, path="/thing"), "/thing").status == 200
    assert request(app(THINGS, path="/thing"), "/api/5.0/thing").status == 404


@pytest.mark.parametrize(
    ("error", "alert"),
    [
        (Problem(HTTPStatus.UNAUTHORIZED, "who?"), (401, "error", "who?")),
        (Problem(HTTPStatus.NOT_FOUND, "what?"), (404, "error", "what?")),
        (
            UnreachableError("http://secret"),
            (503, "error", "InfluxDB cannot be reached right now; try again later"),
        ),
        (
            RefusedError("http://secret refused SELECT"),
            (
                503,
                "error",
                (
                    "InfluxDB does not have these data, or does not let the API read them; see the log of"
                    " tstats api"
                ),
            ),
        ),
        (
            SlowError("http://secret"),
            (
                503,
                "error",
                (
                    "InfluxDB did not answer within 30 s; try a shorter range or a longer interval, or try"
                    " again later"
                ),
            ),
        ),
        (
            ConfigError("secret"),
            (503, "error", "this request cannot be answered right now; see the log of tstats api"),
        ),
        (ValueError("secret"), (500, "error", "Internal Server Error")),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else "",
)
def test_every_error_is_an_alert_without_secrets(error: Exception, alert: tuple[int, str, str]) -> None:
    response = request(app(raising(error)), "/api/5.0/thing")
    assert response.alert == alert
    assert response.headers["vary"] == "Accept-Encoding"
    assert b"secret" not in response.body


def test_it_keeps_serving_after_errors() -> None:
    faults = iter([TstatsError("one"), ValueError("two")])

    async def handler(_: Request) -> Response:
        for fault in faults:
            raise fault
        return json_response(THING)

    application = app(handler)
    assert [request(application, "/api/5.0/thing").status for _ in range(3)] == [503, 500, 200]


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate, gzip;q=0.5", "br"])
@pytest.mark.parametrize("path", ["/api/5.0/thing", "/api/5.0/nothing"])
def test_every_response_has_the_digest_of_its_uncompressed_body(encoding: str, path: str) -> None:
    response = request(app(THINGS), path, headers={"Accept-Encoding": encoding})
    digest = base64.b64encode(hashlib.sha512(response.body).digest()).decode()
    assert response.headers["whole-content-sha512"] == digest
    assert (response.headers.get("content-encoding") == "gzip") == ("gzip" in encoding)


@pytest.mark.parametrize("encoding", ["gzip;q=0", "gzip;q=0.000", "GZIP; Q=0", "*"])
def test_gzip_is_not_sent_unless_it_is_accepted(encoding: str) -> None:
    response = request(app(THINGS), "/api/5.0/thing", headers={"Accept-Encoding": encoding})
    assert "content-encoding" not in response.headers
    assert response.headers["content-length"] == str(len(THING))


def test_every_response_has_the_security_headers() -> None:
    for path in ("/api/5.0/thing", "/api/5.0/nothing", "/api/9.0/thing"):
        headers = request(app(THINGS), path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_response_may_set_its_own_headers_and_may_be_streamed() -> None:
    async def parts() -> Any:  # noqa: ANN401 (what StreamingResponse accepts)
        yield b"a"
        yield b"b"

    page = {"Content-Security-Policy": "default-src 'self'"}
    response = request(app(returning(lambda: StreamingResponse(parts(), headers=page))), "/api/5.0/thing")
    assert response.body == b"ab"
    assert response.headers["content-security-policy"] == "default-src 'self'"
    assert response.headers["x-content-type-options"] == "nosniff"


def get_cacheable(**headers: str) -> AppResponse:
    handler = returning(lambda: json_response(THING, headers={"Cache-Control": REVALIDATE}))
    return request(
        app(handler), "/api/5.0/thing", headers={n.replace("_", "-"): v for n, v in headers.items()}
    )


def test_a_caller_who_has_the_content_gets_a_304() -> None:
    first = get_cacheable()
    etag = first.headers["etag"]
    for named in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = get_cacheable(If_None_Match=named)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["whole-content-sha512"] == first.headers["whole-content-sha512"]
        assert "content-length" not in again.headers


def test_a_caller_who_has_other_content_gets_all_of_it() -> None:
    assert get_cacheable(If_None_Match='"other"').body == THING
    assert get_cacheable(Accept_Encoding="gzip").headers["etag"] == get_cacheable().headers["etag"]


def test_a_response_that_must_not_be_stored_has_no_etag() -> None:
    response = request(app(THINGS), "/api/5.0/thing", headers={"If-None-Match": "*"})
    assert (response.status, response.body) == (200, THING)
    assert "etag" not in response.headers


def test_a_problem_takes_precedence_over_not_modified() -> None:
    response = request(
        app(raising(Problem(HTTPStatus.UNAUTHORIZED, "who?"))),
        "/api/5.0/thing",
        headers={"If-None-Match": "*"},
    )
    assert response.alert == (401, "error", "who?")


async def echo(request: Request) -> Response:
    return json_response(gzip.compress(await request.body()))


@pytest.mark.parametrize("size", [0, MAX_BODY])
def test_a_body_up_to_the_limit_is_read(size: int) -> None:
    response = request(app(echo, method="POST"), "/api/5.0/thing", method="POST", body=b"x" * size)
    assert gzip.decompress(response.body) == b"x" * size


def test_a_larger_body_is_refused() -> None:
    response = request(app(echo, method="POST"), "/api/5.0/thing", method="POST", body=b"x" * (MAX_BODY + 1))
    assert response.alert == (413, "error", f"The body of the request is larger than {MAX_BODY} bytes")


@dataclass
class EndlessHandler:
    """A handler that runs until it is cancelled."""

    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False

    async def __call__(self, _: Request) -> Response:
        self.started.set()
        try:
            return await asyncio.Future[Response]()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def test_a_caller_who_disconnects_cancels_the_handler() -> None:
    handler = EndlessHandler()
    messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/5.0/thing", "headers": [], "query_string": b""}
    asyncio.run(asyncio.wait_for(app(handler)(scope, receive, send), timeout=30))
    assert handler.started.is_set()
    assert handler.cancelled
    assert sent == []


def test_a_server_that_stops_cancels_the_handler() -> None:
    handler = EndlessHandler()

    async def receive() -> Message:
        return await asyncio.Future[Message]()

    async def send(_: Message) -> None:
        raise AssertionError("nothing may be sent")

    async def stop() -> None:
        scope = {"type": "http", "method": "GET", "path": "/api/5.0/thing", "headers": []}
        serving = asyncio.ensure_future(app(handler)(scope, receive, send))
        await handler.started.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    asyncio.run(stop())
    assert handler.cancelled
