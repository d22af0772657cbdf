"""How Alembic reaches the database: our version table, our tables only, one migration at a time.

PostgreSQL: all or nothing a revision. SQLite: all or nothing a command, after a copy of the file.
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
from tstats.db.tables import METADATA, VERSION_TABLE, is_ours

Plan = Callable[[Any, Any], Iterable[Any]]


def _database() -> Database:
    given = context.config.attributes.get("database")
    if isinstance(given, Database):
        return given
    url = os.environ.get("TSTATS_DATABASE_URL") or context.config.get_main_option("sqlalchemy.url") or ""
    return Database(Secret(url))


def _configure(connection: Connection, **more: Any) -> None:  # noqa: ANN401 (Alembic's own)
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        version_table=VERSION_TABLE,
        include_object=is_ours,
        transactional_ddl=True,
        transaction_per_migration=not sqlite,
        render_as_batch=sqlite,
        **more,
    )


def _after_copy(plan: Plan, file: Path) -> Plan:
    """The plan, with a copy of the file made before its first step."""

    def steps(heads: Any, migration: Any) -> list[Any]:  # noqa: ANN401 (Alembic's own)
        planned = list(plan(heads, migration))
        if planned and file.stat().st_size:
            copy = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.bak")
            # A connection of its own sees what is committed; nobody can commit more: we hold the write lock.
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            context.config.print_stdout("copied %s to %s", file, copy)
        return planned

    return steps


def _leave_no_trace(connection: Connection) -> None:
    """Without a revision there shall be no version table either: the database is as it was before us."""
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
            raise CommandError("another session migrates this database now; try again when it has ended")
        _configure(connection)
        options = context.get_context().opts
        if database.file is not None and "fn" in options:
            _configure(connection, fn=_after_copy(options["fn"], database.file))
        with context.begin_transaction():
            context.run_migrations()
        if not options.get("dont_mutate"):
            _leave_no_trace(connection)


if context.is_offline_mode():
    raise CommandError("the revisions look at what is in the database: there is no --sql")
_run()
