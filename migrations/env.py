"""The environment in which Alembic runs the migrations: one at a time, on the tables of tstats only.

On PostgreSQL each revision is a transaction. On SQLite each command is one, after a copy of the file.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, inspect, text

from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.lock import MIGRATING, exclusive
from tstats.db.tables import METADATA, VERSION_TABLE, is_managed

Plan = Callable[[Any, Any], Iterable[Any]]


def _database() -> Database:
    given = context.config.attributes.get("database")
    if isinstance(given, Database):
        return given
    url = os.environ.get("TSTATS_DATABASE_URL") or context.config.get_main_option("sqlalchemy.url") or ""
    return Database(Secret(url))


def _configure(connection: Connection, **more: Any) -> None:  # noqa: ANN401 (Alembic's types)
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        version_table=VERSION_TABLE,
        include_object=is_managed,
        transactional_ddl=True,
        transaction_per_migration=not sqlite,
        render_as_batch=sqlite,
        **more,
    )


def _after_copy(plan: Plan, file: Path) -> Plan:
    """Return the plan, preceded by copying the file if it has any steps."""

    def steps(heads: Any, migration: Any) -> list[Any]:  # noqa: ANN401 (Alembic's types)
        planned = list(plan(heads, migration))
        if planned and file.stat().st_size:
            copy = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.bak")
            # A second connection sees only what is committed; no more can be, as this session has the lock.
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            context.config.print_stdout("copied %s to %s", file, copy)
        return planned

    return steps


def _drop_empty_version_table(connection: Connection) -> None:
    """Drop the version table if no revision is left, so that the database is as it was before."""
    connection.rollback()
    if inspect(connection).has_table(VERSION_TABLE):
        rows = connection.scalar(text(f"SELECT count(*) FROM {VERSION_TABLE}"))
        if not rows:
            connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    connection.commit()


def _run() -> None:
    database = _database()
    with database.connect(writing=True) as connection, exclusive(connection, MIGRATING) as alone:
        if not alone:
            raise CommandError("another session is migrating this database; try again once it has finished")
        _configure(connection)
        options = context.get_context().opts
        if database.file is not None and "fn" in options:
            _configure(connection, fn=_after_copy(options["fn"], database.file))
        with context.begin_transaction():
            context.run_migrations()
        if not options.get("dont_mutate"):
            _drop_empty_version_table(connection)


if context.is_offline_mode():
    raise CommandError("--sql is not supported: the revisions depend on what is in the database")
_run()
