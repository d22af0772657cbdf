"""Connections to the SQL database (SQLite or PostgreSQL), with bounded waits and clear errors."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, event, exc
from sqlalchemy.engine import make_url

from tstats.core.secret import Secret
from tstats.errors import ConfigError, DatabaseError, TstatsError, UnreachableError

LOCK_SECONDS = 10.0
STATEMENT_SECONDS = 600.0
UPGRADE = "run: tstats db upgrade"

_CONNECT_SECONDS = 10
_EXAMPLES = "sqlite:///tstats.db or postgresql+psycopg://user:password@host/traffic_ops"
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
# Source: PostgreSQL's manual, appendix A, "PostgreSQL Error Codes".
_NOT_ALLOWED = {"42501"}
_LOCKED = {"55P03"}
_CANCELLED = {"57014"}
_OTHER_SCHEMA = {"42P01", "42P10", "42703"}
_SQLITE_LOCKED = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT"}
_SQLITE_OTHER_SCHEMA = re.compile(r"no such (table|column)|ON CONFLICT clause does not match")


def parse(url: Secret) -> URL:
    """Return the URL of a database that tstats can use.

    Raises:
        ConfigError: the URL is invalid; the text does not show it, since it may hold a password.
    """
    try:
        parsed = make_url(url.reveal())
    except (exc.ArgumentError, ValueError):
        raise ConfigError(f"databaseUrl: invalid database URL; write {_EXAMPLES}") from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise ConfigError(f"databaseUrl: unsupported kind of database; write {_EXAMPLES}")
    if driver == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError(f"databaseUrl: a SQLite database needs a file; write {_EXAMPLES}")
    return parsed.set(drivername=driver)


class Database:
    """An SQL database; connections are opened on demand and not kept.

    Attributes:
        name: the URL without password and options, as errors show it.
        file: the file of a SQLite database; None for PostgreSQL.
        lock_seconds: how long a statement waits for a lock of another session.
        statement_seconds: how long a statement may take on PostgreSQL.

    Raises:
        ConfigError: the URL is not that of a database that tstats can use.
    """

    def __init__(
        self,
        url: Secret,
        *,
        lock_seconds: float = LOCK_SECONDS,
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        parsed = parse(url)
        self.name = URL.create(
            parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database
        ).render_as_string()
        self.file = Path(parsed.database or "") if parsed.drivername == "sqlite" else None
        self.lock_seconds = lock_seconds
        self.statement_seconds = statement_seconds
        arguments: dict[str, Any] = (
            {"timeout": lock_seconds} if self.file else {"connect_timeout": _CONNECT_SECONDS}
        )
        self._engine = create_engine(parsed, poolclass=NullPool, connect_args=arguments, hide_parameters=True)
        event.listen(self._engine, "connect", self._prepare)
        event.listen(self._engine, "begin", _begin)
        self._writers = self._engine.execution_options(begin="BEGIN IMMEDIATE")

    @contextmanager
    def connect(self, *, writing: bool = False) -> Iterator[Connection]:
        """Open a connection; inside `with`, its failures are raised as errors of tstats.

        Args:
            writing: SQLite's transactions start with the write lock, so that none fails halfway for lack of
                it.

        Raises:
            UnreachableError: PostgreSQL cannot be reached.
            DatabaseError: anything else that the database refuses.
        """
        with self.translating(), (self._writers if writing else self._engine).connect() as connection:
            yield connection

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Raise what fails inside `with` as an error of tstats."""
        try:
            yield
        except exc.SQLAlchemyError as error:
            raise self.translated(error) from error

    def translated(self, error: exc.SQLAlchemyError) -> TstatsError:
        """Return the error of tstats that tells the user what to do."""
        refusal = _refusal(error)
        if refusal is None:
            return DatabaseError(f"{self.name}: {_first_line(error)}")
        reason = _first_line(refusal)
        if self.file is not None:
            return DatabaseError(f"{self.name}: {_sqlite_advice(refusal, reason, self.lock_seconds)}")
        state = getattr(refusal, "sqlstate", None) or ""
        if not state or state.startswith(("08", "57P")):
            return UnreachableError(f"{self.name} cannot be reached: {reason}")
        if state in _NOT_ALLOWED:
            reason += "; connect as the role that owns the tables (traffic_ops in Traffic Ops' database)"
        elif state in _LOCKED:
            reason = (
                f"another session held a lock for more than {self.lock_seconds:g} s ({reason});"
                " try again once it has finished"
            )
        elif state in _CANCELLED:
            reason = f"a statement took more than {self.statement_seconds:g} s or was cancelled ({reason})"
        elif state in _OTHER_SCHEMA:
            reason = f"the schema is not what this tstats needs ({reason}); {UPGRADE}"
        return DatabaseError(f"{self.name}: {reason}")

    def _prepare(self, connection: Any, _record: object) -> None:  # noqa: ANN401 (the driver's)
        if self.file is not None:
            connection.isolation_level = None  # otherwise the driver keeps DDL outside of transactions
            return
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(self.lock_seconds * 1000)}")
            cursor.execute(f"SET statement_timeout = {round(self.statement_seconds * 1000)}")
            cursor.execute("SET application_name = 'tstats'")
        connection.autocommit = False


def _refusal(error: BaseException | None) -> BaseException | None:
    """Return the driver's error behind an error, or behind the one that it followed during clean-up."""
    while error is not None and not isinstance(error, exc.DBAPIError):
        error = error.__context__
    return error and error.orig


def _begin(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _sqlite_advice(error: BaseException, reason: str, lock_seconds: float) -> str:
    code = getattr(error, "sqlite_errorname", "")
    if code in _SQLITE_LOCKED:
        return (
            f"another process held the file locked for more than {lock_seconds:g} s ({reason});"
            " try again once it has finished"
        )
    if _SQLITE_OTHER_SCHEMA.search(reason):
        return f"the schema is not what this tstats needs ({reason}); {UPGRADE}"
    if code == "SQLITE_CANTOPEN":
        return f"{reason}; check that its directory exists and that this user may write to it"
    return reason


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's text: drivers put the statement and hints in further lines."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
