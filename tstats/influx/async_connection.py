"""A keep-alive HTTP connection to an InfluxDB, for the asynchronous reader.

A general HTTP client takes half a millisecond of CPU per request. This one sends one kind of request to one
kind of server, and takes a tenth of that.
"""

import asyncio
import ssl
from typing import Self

import httptools

from tstats.errors import ServerError, UnreachableError

_MAX_RESPONSE_BYTES = 512 << 20  # far more than the API asks for


class HangUpError(UnreachableError):
    """The server closed the connection before the end of the response.

    Attributes:
        untouched: no byte of a response had arrived, so the server may have closed an idle connection just
            before the request was sent: it can be repeated on a new connection.
    """

    def __init__(self, text: str, *, untouched: bool) -> None:
        super().__init__(text)
        self.untouched = untouched


class AsyncConnection(asyncio.Protocol):
    """A connection that takes one request after another."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._response: asyncio.Future[tuple[int, bytes]] | None = None
        self._body = bytearray()
        self._touched = False
        self._reusable = False

    @classmethod
    async def open(cls, url: str, host: str, port: int, *, tls: ssl.SSLContext | None) -> Self:
        """Connect to a server.

        Args:
            url: the server's URL, as errors name it.
            host: its name or address.
            port: its TCP port.
            tls: None for a connection without TLS.

        Raises:
            OSError: the connection cannot be made (`ssl.SSLError` is a subclass).
        """
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: cls(url), host, port, ssl=tls)
        return connection

    @property
    def reusable(self) -> bool:
        """Whether another request can be sent: the last response is complete and the connection alive."""
        return self._reusable and self._transport is not None and not self._transport.is_closing()

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Send a request as it is and return the status and body of the response.

        Cancelling this closes the connection.

        Raises:
            HangUpError: the server closed the connection.
            ServerError: the response is not HTTP, or too large.
        """
        if self._transport is None or self._transport.is_closing():
            raise HangUpError(f"{self._url} closed the connection", untouched=True)
        self._response = asyncio.get_running_loop().create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self._touched = self._reusable = False
        self._transport.write(request)
        try:
            return await self._response
        finally:
            if not self._reusable:
                self.close()

    def close(self) -> None:
        """Close the connection at once; the server ends the query it is working on."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        """Keep the transport (called by asyncio)."""
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the pending request (called by asyncio)."""
        del exc  # its text adds nothing
        self._transport = None
        self._fail(HangUpError(f"{self._url} closed the connection", untouched=not self._touched))

    def data_received(self, data: bytes) -> None:
        """Parse a part of the response (called by asyncio)."""
        self._touched = True
        if self._parser is None:  # the server speaks without having been asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ServerError(f"{self._url} returned an invalid HTTP response: {error}"))
            self.close()

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body (called by the parser)."""
        self._body += body
        if len(self._body) > _MAX_RESPONSE_BYTES:
            self._fail(ServerError(f"{self._url} returned more than {_MAX_RESPONSE_BYTES} bytes"))
            self.close()

    def on_message_complete(self) -> None:
        """Complete the pending request (called by the parser)."""
        parser, self._parser = self._parser, None
        if parser is None or self._response is None or self._response.done():
            return
        self._reusable = bool(parser.should_keep_alive())
        self._response.set_result((parser.get_status_code(), bytes(self._body)))
        self._body = bytearray()

    def _fail(self, error: ServerError) -> None:
        if self._response is not None and not self._response.done():
            self._response.set_exception(error)
