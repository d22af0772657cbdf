"""A line to a TCP port that cuts, damages or watches what goes over it."""

import contextlib
import socket
import threading
import types
from collections.abc import Callable
from typing import Self

Change = Callable[[bytes, int], bytes | None]
"""Gets a piece and how many bytes went before it; returns what goes on, or None to cut the line."""


def unchanged(piece: bytes, before: int) -> bytes:
    """Let a piece pass."""
    del before
    return piece


class TcpProxy:
    """Forwards connections to a port.

    Args:
        host: of the port.
        port: its number.
        to_server: changes what clients send.
        to_client: changes what the server sends.
    """

    def __init__(
        self, host: str, port: int, *, to_server: Change = unchanged, to_client: Change = unchanged
    ) -> None:
        self._upstream = (host, port)
        self._to_server, self._to_client = to_server, to_client
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as `HOST:PORT`."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream, timeout=10)
            except OSError:
                return
            threading.Thread(target=self._forward_both, args=(client, server), daemon=True).start()

    def _forward_both(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            back = threading.Thread(target=_forward, args=(server, client, self._to_client))
            back.start()
            _forward(client, server, self._to_server)
            back.join()


def _forward(source: socket.socket, sink: socket.socket, change: Change) -> None:
    before = 0
    with contextlib.suppress(OSError):
        while piece := source.recv(1 << 14):
            changed = change(piece, before)
            if changed is None:
                source.shutdown(socket.SHUT_RDWR)
                break
            sink.sendall(changed)
            before += len(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
