"""What the application makes of requests and of what becomes of them, without any server behind."""

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message

from tests.support.asgi_client import Answer, asked
from tstats.api.access.access import Caller, Denied
from tstats.api.http.app import App
from tstats.api.http.metrics import Telemetry
from tstats.api.http.problem import Problem
from tstats.api.http.responses import KEPT, json_answer
from tstats.api.http.routing import VERSIONS, Handler, Route
from tstats.api.http.service import Service
from tstats.config.settings import Settings
from tstats.errors import ConfigError, RefusedError, SlowError, TstatsError, UnreachableError
from tstats.influx.async_reader import InfluxReader
from tstats.influx.client import Endpoint

MOST_BODY = 100
UNSERVED = (
    "The requested api version is not implemented by this server. If you are using a newer client with an"
    " older server, you will need to use an older client version or upgrade your server."
)


class Everybody:
    """Lets everybody in."""

    async def caller(self, headers: object) -> Caller:
        del headers
        return Caller(name="anybody")

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        del caller
        return bool(name)

    async def cdns(self, caller: Caller) -> list[str]:
        del caller
        return []

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        del caller
        return name or id_or_name

    async def aclose(self) -> None:
        pass


def app(handler: Handler, *, method: str = "GET", path: str = "thing") -> App:
    service = Service(
        settings=Settings(api_max_body_bytes=MOST_BODY),
        access=Everybody(),
        reader=InfluxReader([Endpoint(url="http://127.0.0.1:9")], seconds=1),
        telemetry=Telemetry(),
    )
    return App(service, [Route(method=method, path=path, handler=handler)])


def giving(response: Callable[[], Response]) -> Handler:
    async def handler(_: Request) -> Response:
        return response()

    return handler


def raising(error: Exception) -> Handler:
    async def handler(_: Request) -> Response:
        raise error

    return handler


THING = b'{"response":"thing"}'
THINGS = giving(lambda: json_answer(THING))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("end", ["", "/"])
def test_a_route_answers_for_each_version_with_a_slash_or_without(version: str, end: str) -> None:
    async def handler(request: Request) -> Response:
        return json_answer(request.path_params["version"].encode())

    assert asked(app(handler), f"/api/{version}/thing{end}?x=1").body == version.encode()


@pytest.mark.parametrize("version", ["1.4", "2.0", "3.2", "5", "5.1", "6.0", "5.0.0"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_version_is_not_implemented(version: str, method: str) -> None:
    answer = asked(app(THINGS), f"/api/{version}/thing", method=method)
    assert answer.alert == (501, "error", UNSERVED)
    assert "vary" not in answer.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
def test_a_wrong_method_is_a_path_that_does_not_exist(method: str) -> None:
    answer = asked(app(THINGS), "/api/5.0/thing?a=b", method=method)
    assert answer.alert == (404, "error", "The requested path '/api/5.0/thing' does not exist.")
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/", "/thing", "/api/5.0/", "/api/5.0/things", "/api/5.0/thing//", "/api/*/thing", "/api/x/thing"],
)
def test_so_is_a_wrong_path(path: str) -> None:
    assert asked(app(THINGS), path).alert == (404, "error", f"The requested path '{path}' does not exist.")


def test_a_route_may_stand_outside_of_the_api_and_take_all_below_it() -> None:
    assert asked(app(THINGS, path="/thing"), "/thing").status == 200
    assert asked(app(THINGS, path="/docs/*"), "/docs/a/b").status == 200
    assert asked(app(THINGS, path="/docs/*"), "/docs").status == 404


@pytest.mark.parametrize(
    ("error", "alert"),
    [
        (Denied(401, "who?"), (401, "error", "who?")),
        (Problem(404, "what?"), (404, "error", "what?")),
        (
            UnreachableError("http://secret"),
            (503, "error", "InfluxDB cannot be reached now; try again later"),
        ),
        (
            RefusedError("http://secret refused SELECT"),
            (
                503,
                "error",
                "InfluxDB has no such data, or does not let the API read it; the log of tstats api says why",
            ),
        ),
        (
            SlowError("http://secret"),
            (
                503,
                "error",
                (
                    "InfluxDB did not answer within 30 s; ask for a shorter range or a longer interval,"
                    " or try again later"
                ),
            ),
        ),
        (
            ConfigError("secret"),
            (503, "error", "this cannot be answered now; the log of tstats api says why"),
        ),
        (ValueError("secret"), (500, "error", "Internal Server Error")),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else "",
)
def test_whatever_goes_wrong_is_an_alert_that_gives_nothing_away(
    error: Exception, alert: tuple[int, str, str]
) -> None:
    answer = asked(app(raising(error)), "/api/5.0/thing")
    assert answer.alert == alert
    assert answer.headers["vary"] == "Accept-Encoding"
    assert b"secret" not in answer.body


def test_it_goes_on_after_all_that() -> None:
    faults = iter([TstatsError("one"), ValueError("two")])

    async def handler(_: Request) -> Response:
        for fault in faults:
            raise fault
        return json_answer(THING)

    application = app(handler)
    assert [asked(application, "/api/5.0/thing").status for _ in range(3)] == [503, 500, 200]


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate, gzip;q=0.5", "br"])
@pytest.mark.parametrize("path", ["/api/5.0/thing", "/api/5.0/nothing"])
def test_every_answer_carries_its_digest_whether_it_is_compressed_or_not(encoding: str, path: str) -> None:
    answer = asked(app(THINGS), path, headers={"Accept-Encoding": encoding})
    digest = base64.b64encode(hashlib.sha512(answer.body).digest()).decode()
    assert answer.headers["whole-content-sha512"] == digest
    assert (answer.headers.get("content-encoding") == "gzip") == ("gzip" in encoding)


@pytest.mark.parametrize("encoding", ["gzip;q=0", "gzip;q=0.000", "GZIP; Q=0", "*"])
def test_gzip_is_not_sent_to_whom_it_is_not_named(encoding: str) -> None:
    answer = asked(app(THINGS), "/api/5.0/thing", headers={"Accept-Encoding": encoding})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-length"] == str(len(THING))


def test_every_answer_keeps_browsers_from_harm() -> None:
    for path in ("/api/5.0/thing", "/api/5.0/nothing", "/api/9.0/thing"):
        headers = asked(app(THINGS), path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_an_answer_may_say_something_else_and_may_be_sent_in_parts() -> None:
    async def parts() -> Any:  # noqa: ANN401 (what StreamingResponse takes)
        yield b"a"
        yield b"b"

    page = {"Content-Security-Policy": "default-src 'self'"}
    answer = asked(app(giving(lambda: StreamingResponse(parts(), headers=page))), "/api/5.0/thing")
    assert answer.body == b"ab"
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"


def kept(**headers: str) -> Answer:
    handler = giving(lambda: json_answer(THING, headers={"Cache-Control": KEPT}))
    return asked(app(handler), "/api/5.0/thing", headers={n.replace("_", "-"): v for n, v in headers.items()})


def test_what_may_be_kept_is_not_sent_again_to_whom_has_it() -> None:
    first = kept()
    etag = first.headers["etag"]
    for named in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = kept(If_None_Match=named)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["whole-content-sha512"] == first.headers["whole-content-sha512"]
        assert "content-length" not in again.headers


def test_whoever_has_something_else_gets_it_whole() -> None:
    assert kept(If_None_Match='"other"').body == THING
    assert kept(Accept_Encoding="gzip").headers["etag"] == kept().headers["etag"]


def test_what_may_not_be_kept_has_no_etag_and_is_sent_each_time() -> None:
    answer = asked(app(THINGS), "/api/5.0/thing", headers={"If-None-Match": "*"})
    assert (answer.status, answer.body) == (200, THING)
    assert "etag" not in answer.headers


def test_a_refusal_comes_before_not_modified() -> None:
    answer = asked(app(raising(Denied(401, "who?"))), "/api/5.0/thing", headers={"If-None-Match": "*"})
    assert answer.alert == (401, "error", "who?")


async def echo(request: Request) -> Response:
    return json_answer(gzip.compress(await request.body()))


@pytest.mark.parametrize("size", [0, MOST_BODY])
def test_a_body_has_room(size: int) -> None:
    answer = asked(app(echo, method="POST"), "/api/5.0/thing", method="POST", body=b"x" * size)
    assert gzip.decompress(answer.body) == b"x" * size


def test_up_to_a_bound() -> None:
    answer = asked(app(echo, method="POST"), "/api/5.0/thing", method="POST", body=b"x" * (MOST_BODY + 1))
    assert answer.alert == (413, "error", f"The request's body is larger than {MOST_BODY} bytes")


@dataclass
class Work:
    """A handler that never ends by itself."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: bool = False

    async def __call__(self, _: Request) -> Response:
        self.begun.set()
        try:
            return await asyncio.Future[Response]()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


def test_a_caller_who_goes_away_ends_the_work_and_gets_nothing() -> None:
    work = Work()
    messages: list[Message] = [{"type": "http.request"}, {"type": "http.disconnect"}]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/api/5.0/thing", "headers": [], "query_string": b""}
    asyncio.run(asyncio.wait_for(app(work)(scope, receive, send), timeout=30))
    assert work.begun.is_set()
    assert work.cancelled
    assert sent == []


def test_a_server_that_stops_ends_the_work_too() -> None:
    work = Work()

    async def receive() -> Message:
        return await asyncio.Future[Message]()

    async def send(_: Message) -> None:
        raise AssertionError("there is nothing to send")

    async def stopped() -> None:
        scope = {"type": "http", "method": "GET", "path": "/api/5.0/thing", "headers": []}
        serving = asyncio.ensure_future(app(work)(scope, receive, send))
        await work.begun.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving

    asyncio.run(stopped())
    assert work.cancelled
