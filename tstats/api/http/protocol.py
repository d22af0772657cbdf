"""The HTTP protocol of the server, with limits on what a slow client can take from the others."""

from asyncio import TimerHandle, Transport
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 10.0  # for the request line and the headers to arrive
HEAD_BYTES: Final = 64 << 10
IDLE_SECONDS: Final = 30  # between two requests, and without any progress of a response

_TLS_CLOSE_SECONDS = 0.5


class LimitedHttpProtocol(HttpToolsProtocol):
    """A client's connection, closed if the head of a request does not arrive or the response is not read."""

    _head_timer: TimerHandle | None = None
    _head_bytes: int = 0
    _unread: int = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        """Wait for the rest of this request's head."""
        super().on_message_begin()
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Abort when the head of a request is too long."""
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()

    def on_headers_complete(self) -> None:
        """Stop the timer of the head."""
        self._stop_head_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer of the head."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless a response is being sent and makes progress."""
        unread = self.transport.get_write_buffer_size()
        if unread == 0:
            super().timeout_keep_alive_handler()
        elif unread == self._unread:
            self.transport.abort()  # `close` would wait until everything is read
        else:
            self._unread = unread
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def shutdown(self) -> None:
        """Close at once if nothing is being sent: with TLS, `close` would wait for the client to do so."""
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_write_buffer_size() == 0:
            self.loop.call_later(_TLS_CLOSE_SECONDS, self.transport.abort)

    def _expect_head(self) -> None:
        self._stop_head_timer()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
