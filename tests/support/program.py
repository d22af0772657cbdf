"""A program in a process of its own: started, waited for by what it says or does, and stopped."""

import re
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from tests.support.running import Running
from tests.support.waiting import wait_for

Found = TypeVar("Found")


class Program(Running):
    """A program that can be started again after it has ended; all its runs write to the same log.

    Args:
        command: the program and its arguments; all but texts are converted to text.
        log: the file that stdout and stderr are appended to.
        options: further arguments of `subprocess.Popen`, such as `env` and `cwd`.
    """

    def __init__(self, command: Iterable[object], *, log: Path, **options: Any) -> None:  # noqa: ANN401 (Popen's own)
        self._command = [str(word) for word in command]
        self._log = log
        self._begin = 0  # of what the process that was started last wrote
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process that was started last."""
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        """Start a process; see `wait_until` for when it works."""
        with self._log.open("ab") as log:
            self._begin = log.tell()
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, **self._options)

    def start_until(self, condition: Callable[[], object], what: str) -> None:
        """Start a process and wait for a condition, as `wait_until` does; if that fails, kill the process."""
        try:
            self.start()
            self.wait_until(condition, what)
        except BaseException:
            self.kill()
            raise

    def wait_until(self, condition: Callable[[], Found | None], what: str, *, seconds: float = 30.0) -> Found:
        """Return what `condition` returns, as soon as that is true.

        Raises:
            AssertionError: the process ended first, or it took longer than `seconds`; the text holds the end
                of the log.
        """

        def found_or_ended() -> Found | None:
            status = self.process.poll()  # before the condition, which may be met by its last act
            found = condition()
            assert found or status is None, f"{self._command[0]} ended with status {status} before {what}"
            return found

        try:
            return wait_for(found_or_ended, what, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log ends with:\n{self.log()[-3000:]}") from None

    def wait_for_text(self, pattern: str, *, seconds: float = 30.0) -> re.Match[str]:
        """Return the first match of a regular expression in the log, as soon as there is one."""
        return self.wait_until(lambda: re.search(pattern, self.log()), repr(pattern), seconds=seconds)

    def log(self) -> str:
        """Return what the process that was started last has written so far."""
        return self._log.read_bytes()[self._begin :].decode(errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM, *, seconds: float = 20.0) -> None:
        """Send it a signal and wait until it has gone; kill it when it takes longer than `seconds`."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it as a crash would; does nothing if it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
