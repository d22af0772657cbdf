"""A stand-in for the backup port, for what a real one does seldom: it breaks off, stalls, sends nonsense."""

import socket
import threading
import types
from collections.abc import Callable
from typing import Self

from tstats.influx.shards.address import BackupAddress

Answer = Callable[[socket.socket], None]


class BackupServer:
    """Answers each connection with the same function, in one thread.

    Args:
        answer: reads and writes; an OSError there is the
            client's doing. The connection is closed afterwards.

    Attributes:
        requests: what each connection sent first.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.requests: list[bytes] = []

    @property
    def address(self) -> BackupAddress:
        """Where it listens."""
        return BackupAddress("127.0.0.1", self._listener.getsockname()[1])

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
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.requests.append(connection.recv(4096))
                    self._answer(connection)
                except OSError:
                    pass


def sends(*pieces: bytes) -> Answer:
    """Return an answer of some bytes."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return answer
