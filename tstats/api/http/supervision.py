"""The server's processes as systemd supervises them: ready, alive, reloading, stopping.

Only the first process tells (NotifyAccess=main), and only where systemd asked for it.
"""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn.supervisors import Multiprocess

from tstats.command import systemd

_TICKS_A_SECOND = 10  # of uvicorn's main loop


class Server(uvicorn.Server):
    """A server in this process; a sign of life a second says that its event loop turns.

    Ends with the status of the command: uvicorn would raise the signal again that ended it.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; ready from now on."""
        await super().startup(sockets=sockets)
        systemd.notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Tell whether to end."""
        if counter % _TICKS_A_SECOND == 0:
            systemd.notify("WATCHDOG=1")
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what has been asked, and end."""
        systemd.notify("STOPPING=1")
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch the signals that end it."""
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()


class Workers(Multiprocess):
    """Several processes below this one, which looks after them: a worker that hangs is replaced."""

    _ready = False

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended or hang; ready as soon as all of them serve."""
        super().keep_subprocess_alive()
        if self.should_exit.is_set():
            return
        if not self._ready and all(process.is_ready() for process in self.processes):
            self._ready = True
            systemd.notify("READY=1")
        systemd.notify("WATCHDOG=1")

    def handle_hup(self) -> None:
        """Begin new workers, one after the other."""
        systemd.reloading()
        super().handle_hup()
        systemd.notify("READY=1")

    def terminate_all(self) -> None:
        """End the workers."""
        systemd.notify("STOPPING=1")
        super().terminate_all()
