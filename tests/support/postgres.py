"""A real PostgreSQL of our own: in its own folder, on its own loopback port, and not durable."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from tests.support.ports import on_free_ports
from tests.support.program import Program
from tests.support.running import Running

# Neither durability, which costs time, nor replication is what the tests are about.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "50",
    "timezone": "America/New_York",  # code that means UTC has to say so
}
_MISSING = "PostgreSQL is not installed: apt-get install postgresql (scripts/setup does it)"


Session = psycopg.Connection[Any]


class Postgres(Running):
    """One PostgreSQL server whose superuser is `tester`, without passwords.

    Started by root, which PostgreSQL refuses to run as, it runs as the user `postgres`.

    Attributes:
        port: of the server, chosen by `start`.

    Raises:
        RuntimeError: PostgreSQL is not installed; the text names the package.
        AssertionError: it does not answer; the text has the end of its log.
    """

    def __init__(self) -> None:
        self._binaries = _binaries()
        self._owner = _owner()
        self._program: Program | None = None
        self._numbers = itertools.count(1)
        self.port = 0
        # Outside pytest's folder, which the user postgres cannot enter.
        self.folder = Path(tempfile.mkdtemp(prefix="tstats-postgres-"))

    def url(self, database: str, *, user: str = "tester") -> str:
        """Return the URL of a database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", *, user: str = "tester") -> Session:
        """Return a connection on which each statement is its own transaction."""
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, autocommit=True)

    def create_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def start(self) -> None:
        """Make its files, start it and wait until it answers."""
        try:
            self._make_files()
            self._program = on_free_ports(self._started)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it, whoever is connected, and delete its files."""
        if self._program is not None:
            self._program.stop(signal.SIGINT)  # disconnects everybody
            self._program = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_files(self) -> None:
        if self._owner:
            shutil.chown(self.folder, user=self._owner["user"], group=self._owner["group"])
        subprocess.run(
            [
                *(self._binaries / "initdb", "--pgdata", self._data, "--username", "tester"),
                *("--auth", "trust", "--no-sync", "--no-instructions", "--encoding", "UTF8", "--locale", "C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._options,
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": {"PATH": os.environ["PATH"]}, **self._owner}

    def _started(self, ports: range) -> Program:
        self.port = ports[0]
        settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = [self._binaries / "postgres", "-D", self._data, f"--port={self.port}", *settings]
        program = Program(command, log=self.folder / "postgres.log", **self._options)
        program.start_until(self._answers, "PostgreSQL to answer")
        return program

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True


def _binaries() -> Path:
    """Return the folder of the newest server: Debian has one per version, outside PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise RuntimeError(_MISSING)
    return found[-1].parent


def _owner() -> Mapping[str, Any]:
    """Return the arguments with which `subprocess` runs a program as `postgres`; none unless we are root."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError(_MISSING) from None
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
