"""The installed command `tstats collect` in its own process, and what its log says."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.commands import command
from tests.support.program import Program
from tests.support.waiting import wait_for
from tstats.simulator.server import Simulator


class Collector:
    """A configuration in its own folder, and the process that runs with it.

    Args:
        folder: for configuration, spool and log.
        simulator: its Traffic Ops.
        settings: further keys of the configuration; intervals are 1 s unless it says otherwise.
    """

    def __init__(self, folder: Path, simulator: Simulator, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "traffic_stats.cfg"
        self.spool = folder / "spool"
        self.log = folder / "log"
        self.log.touch()
        self._program: Program | None = None
        self.settings: dict[str, object] = {
            "toUrl": simulator.traffic_ops_url,
            "toUser": simulator.user,
            "toPasswd": simulator.password,
            "pollingInterval": 1,
            "publishingInterval": 1,
            "spoolDirectory": str(self.spool),
            **settings,
        }
        self.configure()

    def configure(self, **settings: object) -> None:
        """Change keys of the file."""
        self.settings |= settings
        self.file.write_text(json.dumps(self.settings))

    def run(
        self, *options: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command to its end; what it says is not among the `events`."""
        return subprocess.run(
            self._command(*options),
            env=_environment(environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        """Start it and let it run."""
        self._program = Program(
            self._command("--log-format", "json"), log=self.log, env=_environment(environment)
        )
        self._program.start()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The process that was started last."""
        assert self._program is not None, "not started"
        return self._program.process

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it if it is running: for tests of crashes, and for their end."""
        if self._program is not None:
            self._program.kill()

    def stop(self) -> int:
        """Ask it to end; return its exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def events(self, name: str = "", **fields: object) -> list[dict[str, Any]]:
        """Return the events in the log, of all processes so far, that have this name and these values."""
        lines = self.log.read_bytes().split(b"\n")[:-1]  # the last one is empty, or still being written
        found = [event for line in lines if (event := _event(line)) is not None]
        return [
            event
            for event in found
            if (not name or event["event"] == name)
            and all(event.get(key) == value for key, value in fields.items())
        ]

    def wait_for(
        self, name: str, *, count: int = 1, seconds: float = 20.0, **fields: object
    ) -> list[dict[str, Any]]:
        """Return the events of a name with these values, as soon as there are `count` of them."""

        def found() -> list[dict[str, Any]]:
            events = self.events(name, **fields)
            return events if len(events) >= count else []

        try:
            return wait_for(found, f"{count} events {name!r} with {fields}", seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log ends with:\n{self.log.read_text()[-3000:]}") from None

    def waiting(self) -> int:
        """Return how many files wait in the spool."""
        return sum(path.suffix == ".batch" for path in self.spool.glob("queue/*/*"))

    def _command(self, *options: str) -> list[str]:
        return [command("tstats"), "collect", "--cfg", str(self.file), *options]


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("TSTATS_")}
    return kept | dict(extra or {})


def _event(line: bytes) -> dict[str, Any] | None:
    """Return an event; None for a line that a kill cut short, with what the next process wrote behind it."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
