"""HTTP connections: what a slow client can take from the others."""

from asyncio import TimerHandle, Transport
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS: Final = 10.0  # for a whole request without its body
HEAD_BYTES: Final = 64 << 10
IDLE_SECONDS: Final = 30  # between two requests, and without any progress of an answer

_GOODBYE_SECONDS = 0.5


class Connection(HttpToolsProtocol):
    """A connection that ends when a request's head does not come, or nobody reads the answer."""

    _head_timer: TimerHandle | None = None
    _head_bytes: int = 0
    _unread: int = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect_head()

    def on_message_begin(self) -> None:
        """Begin to wait for the end of this request's head."""
        super().on_message_begin()
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take no head of any length."""
        super().data_received(data)
        if self._head_timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._forget_head()
        super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless an answer is still on its way and gets on."""
        unread = self.transport.get_write_buffer_size()
        if unread == 0:
            super().timeout_keep_alive_handler()
        elif unread == self._unread:
            self.transport.abort()  # a close would wait until all is read
        else:
            self._unread = unread
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def shutdown(self) -> None:
        """End at once when nothing is on its way: with TLS, a close waits until the client says goodbye."""
        super().shutdown()
        if self.transport.is_closing() and self.transport.get_write_buffer_size() == 0:
            self.loop.call_later(_GOODBYE_SECONDS, self.transport.abort)

    def _expect_head(self) -> None:
        self._forget_head()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
