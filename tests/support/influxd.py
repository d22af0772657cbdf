"""A real influxd of our own: in its own folder, on its own loopback ports."""

import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.support.ports import on_free_ports
from tests.support.program import Program
from tests.support.running import Running


class Influxd(Running):
    """One influxd: `start`, `stop` (clean) and `kill` (as a crash would), on the same ports and data.

    Args:
        folder: for its data, configuration and log.
        settings: further settings as influxd's environment names them (`INFLUXDB_…`).

    The environment variable INFLUXD names another binary than the installed one.

    Attributes:
        port: of its HTTP API; like the others, chosen by the first start and kept.
        udp_port: of its UDP listener, which the settings have to enable.
        backup_port: of its backup port.

    Raises:
        RuntimeError: influxd is not installed; the text names the package.
        AssertionError: it does not answer; the text has the end of its log.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        binary = shutil.which(os.environ.get("INFLUXD") or "influxd")
        if binary is None:
            raise RuntimeError("influxd is not installed: apt-get install influxdb (scripts/setup does it)")
        self._binary = binary
        self.folder = folder
        self.port = self.udp_port = self.backup_port = 0
        self._settings = dict(settings or {})
        self._program: Program | None = None

    @property
    def url(self) -> str:
        """The URL of its HTTP API."""
        assert self.port, "an influxd has a URL only after its first start"
        return f"http://127.0.0.1:{self.port}"

    @property
    def backup_address(self) -> str:
        """Where its backup port is, as `HOST:PORT`."""
        return f"127.0.0.1:{self.backup_port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        if self._program is None:
            self._program = on_free_ports(self._started)
        else:
            self._run(self._program)

    def stop(self) -> None:
        """Stop it cleanly and wait until it has gone; does nothing if it is not running."""
        if self._program is not None:
            self._program.stop()

    def kill(self) -> None:
        """Kill it as a crash would."""
        if self._program is not None:
            self._program.stop(signal.SIGKILL)

    def _started(self, ports: range) -> Program:
        self.port, self.udp_port, self.backup_port = ports[:3]
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
            "INFLUXDB_UDP_0_BIND_ADDRESS": f"127.0.0.1:{self.udp_port}",
            "INFLUXDB_META_DIR": str(self.folder / "meta"),
            "INFLUXDB_DATA_DIR": str(self.folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(self.folder / "wal"),
            "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            **self._settings,
        }
        command = [self._binary, "run", "-config", config]
        program = Program(command, log=self.folder / "influxd.log", env=environment)
        self._run(program)
        return program

    def _run(self, program: Program) -> None:
        program.start_until(lambda: self._answers(program), "influxd to answer")

    def _answers(self, program: Program) -> bool:
        if "Listening on HTTP" not in program.log():  # another server may answer at a port that is taken
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=1):  # noqa: S310 (a loopback URL of our own)
                return True
        except (urllib.error.URLError, OSError):
            return False
