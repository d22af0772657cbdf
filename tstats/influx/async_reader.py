"""Asynchronous queries to InfluxDB, for the API: to any of several servers, within a time limit."""

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tstats.errors import ConfigError, RefusedError, ServerError, SlowError, UnreachableError
from tstats.influx.async_connection import AsyncConnection, HangUpError
from tstats.influx.client import ANSWER, Endpoint, Series

ReadOutcome = Literal["answered", "failed", "slow"]
ReadObserver = Callable[[str, ReadOutcome, float], None]
"""Called after each read with the server's URL, the outcome and the seconds it took."""

_CONNECT_SECONDS = 3.0  # short, so that a dead host leaves time to try the next server
_MAX_REASON = 500  # characters of a server's own words repeated in an error


class InfluxReader:
    """A reader of several InfluxDBs: each read goes to the server that answered last, then to the others.

    It can be created anywhere, but must be used in one event loop. Cancelling a read closes its connection,
    upon which the server ends the query.

    Args:
        endpoints: the servers, at least one; their own timeouts are not used.
        seconds: the time limit of a read, including all tries.
        connections: the most connections per server; further reads wait, within their time limit.
        observer: called after each try.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        seconds: float,
        connections: int = 32,
        observer: ReadObserver = lambda _url, _outcome, _seconds: None,
    ) -> None:
        if not endpoints:
            raise ConfigError(
                "influxUrls: the API needs at least one InfluxDB to query, such as http://localhost:8086"
            )
        self._pools = [_ConnectionPool(endpoint, connections=connections) for endpoint in endpoints]
        self._seconds = seconds
        self._observer = observer
        self._first = 0

    async def aclose(self) -> None:
        """Close the connections."""
        for pool in self._pools:
            pool.close()

    async def query(
        self, statement: str, *, database: str | None = None, bind: Mapping[str, Any] | None = None
    ) -> list[Series]:
        """Return the series of one statement; `bind` fills its `$names`, times are ns.

        Raises:
            ServerError: as `results`.
        """
        [series] = await self.results(statement, database=database, bind=bind)
        return series

    async def results(
        self,
        statements: str,
        *,
        database: str | None = None,
        bind: Mapping[str, Any] | None = None,
        nanoseconds: bool = True,
    ) -> list[list[Series]]:
        """Return the series of each of several statements, read in one request.

        Args:
            statements: separated by semicolons.
            database: used by statements that name no database.
            bind: values of the statements' `$names`.
            nanoseconds: return times as integers, otherwise as RFC 3339.

        Raises:
            SlowError: no answer within the time limit.
            UnreachableError: no server can be reached, or all fail.
            RefusedError: a server refused (no such database, a wrong password), and no other one answered.
            ServerError: the response cannot be used.
        """
        form = {"q": statements}
        if nanoseconds:
            form["epoch"] = "ns"
        if database is not None:
            form["db"] = database
        if bind:
            form["params"] = msgspec.json.encode(bind).decode()
        body = _form_body(form)
        number = first = self._first
        problem: ServerError | None = None
        try:
            async with asyncio.timeout(self._seconds):
                for step in range(len(self._pools)):
                    number = (first + step) % len(self._pools)
                    try:
                        found = await self._read(self._pools[number], body)
                    except ServerError as error:
                        problem = problem or error
                    else:
                        self._first = number
                        return found
        except TimeoutError:
            self._first = (number + 1) % len(self._pools)  # from now on, ask the hanging server last
            url = self._pools[number].url
            raise SlowError(f"{url} did not answer within {self._seconds:g} s") from None
        raise problem or AssertionError("there is at least one server")

    async def _read(self, pool: "_ConnectionPool", body: bytes) -> list[list[Series]]:
        started = time.perf_counter()
        outcome: ReadOutcome = "slow"
        try:
            found = _decode(pool.url, *await pool.send(body))
            outcome = "answered"
        except ServerError:
            outcome = "failed"
            raise
        finally:
            self._observer(pool.url, outcome, time.perf_counter() - started)
        return found


class _ConnectionPool:
    """The connections to one InfluxDB."""

    def __init__(self, endpoint: Endpoint, *, connections: int) -> None:
        parts = urlsplit(endpoint.url)
        self.url = endpoint.url
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls = _tls_context(endpoint) if parts.scheme == "https" else None
        head = [
            f"POST {parts.path}/query HTTP/1.1",
            f"Host: {parts.netloc}",
            "Accept: application/json",
            "Accept-Encoding: identity",
            "Content-Type: application/x-www-form-urlencoded",
        ]
        if endpoint.user:
            credential = f"{endpoint.user}:{endpoint.password.reveal()}".encode()
            head.append(f"Authorization: Basic {base64.b64encode(credential).decode()}")
        self._head = ("\r\n".join(head) + "\r\nContent-Length: ").encode()
        self._idle: list[AsyncConnection] = []
        self._slots = asyncio.Semaphore(connections)

    async def send(self, form: bytes) -> tuple[int, bytes]:
        """Send a query and return the status and body of the response."""
        request = b"%s%d\r\n\r\n%s" % (self._head, len(form), form)
        async with self._slots:
            while self._idle:
                connection = self._idle.pop()
                try:
                    return await self._send_over(connection, request)
                except HangUpError as error:
                    if not error.untouched:
                        raise
            return await self._send_over(await self._connect(), request)

    async def _send_over(self, connection: AsyncConnection, request: bytes) -> tuple[int, bytes]:
        response = await connection.send(request)
        if connection.reusable:
            self._idle.append(connection)
        return response

    async def _connect(self) -> AsyncConnection:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await AsyncConnection.open(self.url, self._host, self._port, tls=self._tls)
        except TimeoutError as error:
            raise UnreachableError(
                f"{self.url} did not accept a connection within {_CONNECT_SECONDS:g} s"
            ) from error
        except ssl.SSLError as error:
            raise RefusedError(f"{self.url}: no trusted TLS connection: {error}") from error
        except OSError as error:
            raise UnreachableError(f"{self.url} cannot be reached: {error}") from error

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _tls_context(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_cert)
    except OSError as error:
        raise ConfigError(
            f"influxCaCert: cannot read certificates from {endpoint.ca_cert}: {error}"
        ) from None
    if endpoint.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _decode(url: str, status: int, body: bytes) -> list[list[Series]]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnreachableError(f"{url} failed with status {status}: {_reason(body)}")
    if status != HTTPStatus.OK:
        raise RefusedError(f"{url} refused a query with status {status}: {_reason(body)}", status=status)
    try:
        answer = ANSWER.decode(body)
    except msgspec.MsgspecError as error:
        raise ServerError(f"{url} returned an invalid answer to a query: {error}") from error
    for problem in (answer.error, *(result.error for result in answer.results)):
        if problem:
            raise RefusedError(f"{url} refused a query: {problem}")
    return [result.series for result in answer.results]


def _form_body(values: Mapping[str, str]) -> bytes:
    """Encode a form with no more escapes than the server needs: `urlencode` takes a tenth of a read."""
    return "&".join(f"{name}={_escape(value)}" for name, value in values.items()).encode()


def _escape(value: str) -> str:
    return value.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace(";", "%3B")


def _reason(body: bytes) -> str:
    return body[:_MAX_REASON].decode("utf-8", "replace").strip() or "no reason given"
