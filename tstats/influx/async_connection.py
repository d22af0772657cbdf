"""One kept-alive HTTP connection to an InfluxDB, for the asynchronous reader.

A general HTTP client takes half a millisecond of CPU for a request; this one, which sends one kind of request
to one kind of server, takes a tenth of that.
"""

import asyncio
import ssl
from typing import Self

import httptools

from tstats.errors import ServerError, UnreachableError

_MOST_BYTES = 512 << 20  # of an answer: far more than the API asks for


class HangUpError(UnreachableError):
    """The server closed the connection before the answer's end.

    Attributes:
        untouched: nothing of an answer had come: an idle connection may have been closed before it was used.
    """

    def __init__(self, text: str, *, untouched: bool) -> None:
        super().__init__(text)
        self.untouched = untouched


class Connection(asyncio.Protocol):
    """A connection that takes one request after the other."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = bytearray()
        self._touched = False
        self._reusable = False

    @classmethod
    async def to(cls, url: str, host: str, port: int, *, tls: ssl.SSLContext | None) -> Self:
        """A connection that has been made.

        Args:
            url: of the server, as errors name it.
            host: its name or address.
            port: of TCP.
            tls: None for a connection without.

        Raises:
            OSError: it cannot be made; `ssl.SSLError` is one of these.
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(url), host, port, ssl=tls)
        return connection

    @property
    def reusable(self) -> bool:
        """Whether a further request can be sent: the last one has its whole answer, and both sides stay."""
        return self._reusable and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to a request, which is sent as it is.

        Cancelled, it closes the connection.

        Raises:
            HangUpError: the server closed the connection.
            ServerError: what came is no HTTP, or too much.
        """
        if self._transport is None or self._transport.is_closing():
            raise HangUpError(f"{self._url} closed the connection", untouched=True)
        self._answer = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._touched = self._reusable = False
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            if not self._reusable:
                self.close()

    def close(self) -> None:
        """Close it at once; the server ends the query that it works at."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        """Keep the transport (asyncio calls this)."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits for an answer (asyncio calls this)."""
        del exc  # its text says nothing that ours does not
        self._transport = None
        self._fail(HangUpError(f"{self._url} closed the connection", untouched=not self._touched))

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer (asyncio calls this)."""
        self._touched = True
        if self._parser is None:  # words that nobody asked for
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ServerError(f"{self._url} answered with what is no HTTP: {error}"))
            self.close()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body (the parser calls this)."""
        self._body += body
        if len(self._body) > _MOST_BYTES:
            self._fail(ServerError(f"{self._url} answered with more than {_MOST_BYTES} bytes"))
            self.close()

    def on_message_complete(self) -> None:
        """Give the answer (the parser calls this)."""
        parser, self._parser = self._parser, None
        if parser is None or self._answer is None or self._answer.done():
            return
        self._reusable = bool(parser.should_keep_alive())
        self._answer.set_result((parser.get_status_code(), bytes(self._body)))
        self._body = bytearray()

    def _fail(self, error: ServerError) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
