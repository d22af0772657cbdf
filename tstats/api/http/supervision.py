"""The server's processes as systemd supervises them: ready, alive, reloading, stopping.

Only the main process notifies systemd (NotifyAccess=main), and only if systemd asked for it.
"""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from uvicorn.supervisors import Multiprocess

from tstats.command import systemd

_TICKS_PER_SECOND = 10  # of uvicorn's main loop


class SupervisedServer(uvicorn.Server):
    """A server in this process; it notifies the watchdog once per second, as long as its event loop runs.

    It returns when a signal stops it: uvicorn would raise the signal again, and the command would end with
    the status of the signal.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and report readiness."""
        await super().startup(sockets=sockets)
        systemd.notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Notify the watchdog; return whether to stop."""
        if counter % _TICKS_PER_SECOND == 0:
            systemd.notify("WATCHDOG=1")
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in progress and stop."""
        systemd.notify("STOPPING=1")
        await super().shutdown(sockets=sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT, without raising them again."""
        with super().capture_signals():
            try:
                yield
            finally:
                self._captured_signals.clear()


class SupervisedWorkers(Multiprocess):
    """Several worker processes and this one, which replaces those that end or hang."""

    _ready = False

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that have ended or hang; report readiness once all of them serve."""
        super().keep_subprocess_alive()
        if self.should_exit.is_set():
            return
        if not self._ready and all(process.is_ready() for process in self.processes):
            self._ready = True
            systemd.notify("READY=1")
        systemd.notify("WATCHDOG=1")

    def handle_hup(self) -> None:
        """Replace the workers, one after another."""
        systemd.reloading()
        super().handle_hup()
        systemd.notify("READY=1")

    def terminate_all(self) -> None:
        """Stop the workers."""
        systemd.notify("STOPPING=1")
        super().terminate_all()
