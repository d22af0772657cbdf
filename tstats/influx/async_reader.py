"""InfluxDB read asynchronously, for the API: one of several servers, within a time."""

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from tstats.errors import ConfigError, RefusedError, ServerError, SlowError, UnreachableError
from tstats.influx.async_connection import Connection, HangUpError
from tstats.influx.client import ANSWER, Endpoint, Series

Outcome = Literal["answered", "failed", "slow"]
Observer = Callable[[str, Outcome, float], None]
"""Told of each read: the server's URL, how it ended, and its seconds."""

_CONNECT_SECONDS = 3.0  # a server whose host is gone shall leave time for the next one
_OK, _SERVER_ERROR = 200, 500
_WORDS = 500  # characters of what a server says that an error repeats


class InfluxReader:
    """Reads from the first of several InfluxDBs that answers, beginning with the one that did last.

    Made anywhere, used in one event loop. A read that is cancelled closes its connection, upon which the
    server ends the query.

    Args:
        endpoints: the servers, one at least; their own time-outs are not used.
        seconds: for a read, with all its tries.
        connections: to each server at most; further reads wait, within their time.
        observer: told of each try.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        seconds: float,
        connections: int = 32,
        observer: Observer = lambda _url, _outcome, _seconds: None,
    ) -> None:
        if not endpoints:
            raise ConfigError(
                "influxUrls: the API needs one that answers queries, such as http://localhost:8086"
            )
        self._servers = [_Server(endpoint, connections=connections) for endpoint in endpoints]
        self._seconds = seconds
        self._observer = observer
        self._first = 0

    async def aclose(self) -> None:
        """Give the connections back."""
        for server in self._servers:
            server.close()

    async def query(
        self, statement: str, *, database: str | None = None, bind: Mapping[str, Any] | None = None
    ) -> list[Series]:
        """The series that one statement answers with; `bind` fills its `$names`, times are ns.

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
        """The series of each of some statements, read in one request.

        Args:
            statements: separated by semicolons.
            database: where statements look that name none.
            bind: values of the statements' `$names`.
            nanoseconds: give times as integers; else as RFC 3339.

        Raises:
            SlowError: not within the time.
            UnreachableError: no server can be reached, or all fail.
            RefusedError: a server said no (no such database, a wrong password) and no other one answered.
            ServerError: an answer that cannot be used.
        """
        form = {"q": statements}
        if nanoseconds:
            form["epoch"] = "ns"
        if database is not None:
            form["db"] = database
        if bind:
            form["params"] = msgspec.json.encode(bind).decode()
        data = _form(form)
        number = first = self._first
        problem: ServerError | None = None
        try:
            async with asyncio.timeout(self._seconds):
                for step in range(len(self._servers)):
                    number = (first + step) % len(self._servers)
                    try:
                        found = await self._read(self._servers[number], data)
                    except ServerError as error:
                        problem = problem or error
                    else:
                        self._first = number
                        return found
        except TimeoutError:
            self._first = (number + 1) % len(self._servers)  # who hangs is asked last from now on
            url = self._servers[number].url
            raise SlowError(f"{url} did not answer within {self._seconds:g} s") from None
        raise problem or AssertionError("there is a server")

    async def _read(self, server: "_Server", data: bytes) -> list[list[Series]]:
        started = time.perf_counter()
        outcome: Outcome = "slow"
        try:
            found = _decoded(server.url, *await server.ask(data))
            outcome = "answered"
        except ServerError:
            outcome = "failed"
            raise
        finally:
            self._observer(server.url, outcome, time.perf_counter() - started)
        return found


class _Server:
    """One InfluxDB, and the connections to it."""

    def __init__(self, endpoint: Endpoint, *, connections: int) -> None:
        parts = urlsplit(endpoint.url)
        self.url = endpoint.url
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls = _tls(endpoint) if parts.scheme == "https" else None
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
        self._idle: list[Connection] = []
        self._turns = asyncio.Semaphore(connections)

    async def ask(self, form: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a query."""
        request = b"%s%d\r\n\r\n%s" % (self._head, len(form), form)
        async with self._turns:
            while self._idle:
                connection = self._idle.pop()
                try:
                    return await self._asked(connection, request)
                except HangUpError as error:
                    if not error.untouched:
                        raise
            return await self._asked(await self._connected(), request)

    async def _asked(self, connection: Connection, request: bytes) -> tuple[int, bytes]:
        answer = await connection.ask(request)
        if connection.reusable:
            self._idle.append(connection)
        return answer

    async def _connected(self) -> Connection:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                return await Connection.to(self.url, self._host, self._port, tls=self._tls)
        except TimeoutError as error:
            raise UnreachableError(f"{self.url} took no connection for {_CONNECT_SECONDS:g} s") from error
        except ssl.SSLError as error:
            raise RefusedError(f"{self.url}: no TLS connection that can be trusted: {error}") from error
        except OSError as error:
            raise UnreachableError(f"{self.url} cannot be reached: {error}") from error

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=endpoint.ca_cert)
    except OSError as error:
        raise ConfigError(f"influxCaCert: {endpoint.ca_cert}: no certificates: {error}") from None
    if endpoint.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _decoded(url: str, status: int, body: bytes) -> list[list[Series]]:
    if status >= _SERVER_ERROR:
        raise UnreachableError(f"{url} failed with {status}: {_words(body)}")
    if status != _OK:
        raise RefusedError(f"{url} refused with {status}: {_words(body)}", status=status)
    try:
        answer = ANSWER.decode(body)
    except msgspec.MsgspecError as error:
        raise ServerError(f"{url} answered a query with what is no answer: {error}") from error
    for problem in (answer.error, *(result.error for result in answer.results)):
        if problem:
            raise RefusedError(f"{url} refused a query: {problem}")
    return [result.series for result in answer.results]


def _form(values: Mapping[str, str]) -> bytes:
    """A form's body with no more escapes than the server needs: `urlencode` takes a tenth of a read."""
    return "&".join(f"{name}={_escaped(value)}" for name, value in values.items()).encode()


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("&", "%26").replace("+", "%2B").replace(";", "%3B")


def _words(body: bytes) -> str:
    return body[:_WORDS].decode("utf-8", "replace").strip() or "no reason given"
