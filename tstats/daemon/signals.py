"""The signals of a daemon: stop, reload, and a wait that a signal ends."""

import contextlib
import os
import select
import signal
from types import FrameType


class Signals:
    """The requests that came as signals: SIGTERM and SIGINT stop, SIGHUP reloads.

    The handlers set no `threading.Event`: its lock may be held by the very code that a signal interrupts, and
    the process would wait for itself. The interpreter writes a byte to a pipe instead, which ends the wait.
    A second SIGTERM or SIGINT ends the process at once.

    Attributes:
        stop: whether a stop was requested.
        reload: whether a reload was requested; to be reset by whoever does it.
    """

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def wait(self, seconds: float) -> None:
        """Wait for a signal, at most for this time."""
        select.select([self._reader], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 1024)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stop:
            os._exit(128 + number)
        self.stop = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True
