"""Migrations of the SQL database: which are pending, and running them through Alembic."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

import tstats
from tstats.db.database import UPGRADE, Database
from tstats.db.tables import METADATA, PREFIX, VERSION_TABLE, is_managed, unknown_revision
from tstats.errors import DatabaseError

# Next to the package, in a checkout as in the installed wheel.
_SCRIPTS = Path(tstats.__file__).resolve().parents[1] / "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One step of the schema.

    Attributes:
        name: its name for `upgrade` and `downgrade`.
        text: what it does, in one line.
        applied: whether the database has it.
    """

    name: str
    text: str
    applied: bool


class Migrations:
    """The migrations of one database.

    Every method raises `UnreachableError` when the database cannot be reached, and `DatabaseError` when it
    refuses: for a missing privilege, a lock, an unexpected table, or a schema newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._output = io.StringIO()
        self._config = Config(stdout=self._output)
        self._config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
        self._config.attributes["database"] = database
        self._script = ScriptDirectory.from_config(self._config)

    @property
    def names(self) -> list[str]:
        """The names of the revisions that this code knows, oldest first."""
        return [script.revision for script in reversed(list(self._script.walk_revisions()))]

    def current(self) -> str | None:
        """Return the revision of the database; None before the first.

        Raises:
            DatabaseError: this code does not know the revision.
        """
        with self._connect() as connection:
            found = self._revision(connection)
        if found is not None and found not in self.names:
            raise DatabaseError(f"{self._database.name}: {unknown_revision(found)}")
        return found

    def history(self) -> list[Revision]:
        """Return every revision, oldest first."""
        current = self.current()
        names = self.names
        reached = names.index(current) if current else -1
        return [
            Revision(name=name, text=self._script.get_revision(name).doc, applied=number <= reached)
            for number, name in enumerate(names)
        ]

    def upgrade(self, revision: str = "head") -> list[str]:
        """Go up to a revision; return lines that say what was done.

        Args:
            revision: `head`, a name, or `+N`.
        """
        return self._move(command.upgrade, revision)

    def downgrade(self, revision: str) -> list[str]:
        """Go down to a revision; return lines that say what was done.

        Args:
            revision: `base`, a name, or `-N`.
        """
        return self._move(command.downgrade, revision)

    def problems(self) -> list[str]:
        """Return how the schema differs from what this code expects; empty if it does not."""
        with self._connect() as connection:
            found, head = self._revision(connection), self.names[-1]
            if found is not None and found not in self.names:
                return [unknown_revision(found)]
            if connection is None or found != head:
                return [f"the schema is at revision {found or 'base'}, not {head}; {UPGRADE}"]
            options = {"include_object": is_managed, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            return [
                *(
                    f"the schema differs: {_operation(difference)}"
                    for difference in compare_metadata(context, METADATA)
                ),
                *(f"the index {name} is invalid: drop and recreate it" for name in _invalid(connection)),
            ]

    def _move(self, move: Callable[[Config, str], None], revision: str) -> list[str]:
        before = self.current()
        self._output.seek(0)
        self._output.truncate()
        try:
            move(self._config, revision)
        except CommandError as error:
            raise DatabaseError(f"{self._database.name}: {error}") from error
        except SQLAlchemyError as error:
            raise self._database.translated(error) from error
        after = self.current()
        printed = self._output.getvalue().splitlines()
        if before == after:
            return [*printed, f"nothing to do: the database is at {after or 'base'}"]
        return [*printed, f"{before or 'base'} -> {after or 'base'}"]

    @contextmanager
    def _connect(self) -> Iterator[sa.Connection | None]:
        """Connect in order to read; yield None for a missing SQLite file, which connecting would create."""
        if self._database.file is not None and not self._database.file.exists():
            yield None
            return
        with self._database.connect() as connection:
            yield connection

    def _revision(self, connection: sa.Connection | None) -> str | None:
        if connection is None:
            return None
        options = {"version_table": VERSION_TABLE}
        return max(MigrationContext.configure(connection, opts=options).get_current_heads(), default=None)


def _operation(difference: Any) -> str:  # noqa: ANN401 (Alembic's: a tuple, or a list of tuples)
    """Return what Alembic would do about a difference: `add index tstats_stats_summary_day`."""
    if isinstance(difference, list):
        return ", ".join(map(_operation, difference))
    operation, *objects = difference
    names = [item if isinstance(item, str) else getattr(item, "name", None) for item in objects]
    return " ".join([operation.replace("_", " "), *filter(None, names)])


def _invalid(connection: sa.Connection) -> list[str]:
    """Return the indexes of tstats that PostgreSQL ignores because their creation was interrupted."""
    if connection.dialect.name != "postgresql":
        return []
    query = sa.text(
        "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
        " WHERE NOT indisvalid AND starts_with(relname, :prefix)"
    )
    return list(connection.scalars(query, {"prefix": PREFIX}))
