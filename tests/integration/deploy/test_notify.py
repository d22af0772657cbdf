"""`tstats api` notifies systemd: it is ready, alive, reloading, stopping."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import command
from tests.support.waiting import wait_for


class Manager:
    """systemd's end of the socket.

    Attributes:
        received: the states that were sent and not waited for yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.received: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def wait_for(self, state: str) -> None:
        """Wait until a state is sent, and forget it together with all before it."""

        def is_received() -> bool:
            try:
                while True:
                    self.received += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return state in self.received

        wait_for(is_received, f"{state} among {self.received}", seconds=60)
        del self.received[: self.received.index(state) + 1]

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_systemd_is_notified_of_each_phase(workers: int, manager: Manager, tmp_path: Path) -> None:
    cfg = tmp_path / "api.cfg"
    cfg.write_text(json.dumps({"apiAuth": "none", "influxUrls": ["http://127.0.0.1:1"]}), encoding="utf-8")
    arguments = ["api", "--cfg", str(cfg), "--bind", "127.0.0.1:0", "--workers", str(workers)]
    process = subprocess.Popen(
        [command("tstats"), *arguments],
        env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(manager.path)},
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
    )
    try:
        manager.wait_for("READY=1")
        manager.wait_for("WATCHDOG=1")
        manager.wait_for("WATCHDOG=1")
        if workers > 1:
            process.send_signal(signal.SIGHUP)
            manager.wait_for("RELOADING=1")
            manager.wait_for("READY=1")
        process.send_signal(signal.SIGTERM)
        manager.wait_for("STOPPING=1")
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
