"""A real influxd of our own: in a folder of its own, on loopback ports of its own."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import types
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

# Below those that Linux gives to outgoing connections: one of them could take a port before its server does.
_PORTS = range(15_000, 32_000)
# Each process that runs tests goes through them from another place.
_turns = itertools.count(random.Random(os.getpid()).randrange(len(_PORTS)))


def free_port() -> int:
    """A loopback port that nobody listens on, another one with each call."""
    for turn in itertools.islice(_turns, len(_PORTS)):
        port = _PORTS[turn % len(_PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no port from {_PORTS.start} to {_PORTS.stop} is free")


class Influxd:
    """One influxd: `start`, `stop` (clean) and `kill` (as a crash would), on the same port and data.

    Args:
        folder: its data, configuration and log go here.
        settings: further settings as influxd's environment names them (`INFLUXDB_…`).

    The environment variable INFLUXD names another binary than the installed one.

    Raises:
        RuntimeError: influxd is not installed (the text names the package), or it does not answer.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        binary = shutil.which(os.environ.get("INFLUXD") or "influxd")
        if binary is None:
            raise RuntimeError("influxd is not installed: apt-get install influxdb (scripts/setup does it)")
        self._binary = binary
        self.folder = folder
        self.port = free_port()
        self.udp_port = free_port()
        self.backup_port = free_port()
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def backup_address(self) -> str:
        """Where its backup port is, as `HOST:PORT`."""
        return f"127.0.0.1:{self.backup_port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, *, seconds: float = 30.0) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "influxdb.conf"
        config.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self.backup_port}",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_META_DIR": str(self.folder / "meta"),
            "INFLUXDB_DATA_DIR": str(self.folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(self.folder / "wal"),
            "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            **self._settings,
        }
        with (self.folder / "influxd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "run", "-config", str(config)], env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/ping", timeout=1):  # noqa: S310 (a loopback URL of our own)
                    return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = (self.folder / "influxd.log").read_text(errors="replace")[-2000:]
                    text = f"influxd does not answer at {self.url}; its log ends with:\n{tail}"
                    raise RuntimeError(text) from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop it cleanly and wait until it has gone; no effect when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
