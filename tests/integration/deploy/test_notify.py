"""What `tstats api` tells systemd: when it serves, that it lives, that it reloads, that it ends."""

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
    """systemd's end of the socket; keeps what it was told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.told: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def wait_for(self, state: str) -> None:
        """Until it is told a state that it has not been waited for yet."""

        def told() -> bool:
            try:
                while True:
                    self.told += self._socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return state in self.told

        wait_for(told, f"{state} among {self.told}", seconds=60)
        del self.told[: self.told.index(state) + 1]

    def close(self) -> None:
        """Hear nothing more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_life_of_the_api(workers: int, manager: Manager, tmp_path: Path) -> None:
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
