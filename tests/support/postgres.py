"""A real PostgreSQL of our own: in a folder of its own, on a loopback port of its own, not made to last."""

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.influxd import free_port

# Durability costs time and is no part of what the tests show; nor is replication.
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
    "timezone": "America/New_York",  # what means UTC has to say so
}
_MISSING = "PostgreSQL is not installed: apt-get install postgresql (scripts/setup does it)"


Session = psycopg.Connection[Any]


class Postgres:
    """One PostgreSQL server whose superuser is `tester`, without passwords; a context manager.

    Started by root, which PostgreSQL refuses to run as, it runs as the user `postgres`.

    Raises:
        RuntimeError: PostgreSQL is not installed (the text names the package), or it does not answer.
    """

    def __init__(self) -> None:
        self._binaries = _binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self.port = free_port()
        # Not pytest's folder: the user postgres could not enter it.
        self.folder = Path(tempfile.mkdtemp(prefix="tstats-postgres-"))

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self._stop()

    def url(self, database: str, *, user: str = "tester") -> str:
        """A database as SQLAlchemy names it."""
        return f"postgresql+psycopg://{user}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres", *, user: str = "tester") -> Session:
        """A connection on which each statement is a transaction of its own."""
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user=user, autocommit=True)

    def create_database(self) -> str:
        """The name of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _start(self, *, seconds: float = 30.0) -> None:
        owner = _owner()
        if owner:
            shutil.chown(self.folder, user=owner["user"], group=owner["group"])
        data = self.folder / "data"
        subprocess.run(
            [
                *(self._binaries / "initdb", "--pgdata", data, "--username", "tester", "--auth", "trust"),
                *("--no-sync", "--no-instructions", "--encoding", "UTF8", "--locale", "C"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            **owner,
        )
        options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        with (self.folder / "postgres.log").open("wb") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", data, f"--port={self.port}", *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"]},
                **owner,
            )
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    tail = (self.folder / "postgres.log").read_text(errors="replace")[-2000:]
                    text = f"PostgreSQL does not answer on port {self.port}; its log ends with:\n{tail}"
                    raise RuntimeError(text) from None
                time.sleep(0.02)
            else:
                return

    def _stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # disconnects everybody and ends
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder of the newest server: Debian has one a version, outside of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise RuntimeError(_MISSING)
    return found[-1].parent


def _owner() -> Mapping[str, Any]:
    """How `subprocess` runs a program as somebody else than root; nothing for anybody else."""
    if os.geteuid() != 0:
        return {}
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError(_MISSING) from None
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
