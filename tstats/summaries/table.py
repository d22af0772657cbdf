"""stats_summary in SQL: Traffic Ops' table, to which the migrations add a key, and its repository.

Traffic Ops owns the table and may write to it at any time; only the migrations in `migrations/` change its
schema, and what stands here agrees with their last revision.
"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from tstats.core.summary import Key, Summary
from tstats.errors import DatabaseError
from tstats.stores.database import LOCK_SPACE, UPGRADE, Database

EXPECTED_REVISION: Final = "0004"
VERSION_TABLE: Final = "tstats_alembic_version"
PREFIX: Final = "tstats_"

# Parameters of PostgreSQL's advisory locks: one session at a time migrates, one summarizes.
MIGRATING: Final = {"space": LOCK_SPACE, "what": 1}
SUMMARIZING: Final = {"space": LOCK_SPACE, "what": 2}

_ROWS_A_STATEMENT = 1_000  # six parameters each: below the limits of both databases
_BETWEEN_TRIES = 0.2  # seconds
_INSERT: dict[str, Callable[[sa.Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

METADATA = sa.MetaData()


class _Utc(sa.TypeDecorator[datetime]):
    """A moment: UTC in SQLite, which has no time zones; with a zone in PostgreSQL."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


def _id() -> "sa.Column[int]":
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


STATS_SUMMARY = sa.Table(
    "stats_summary",
    METADATA,
    _id(),
    sa.Column("cdn_name", sa.Text, nullable=False, server_default="all"),
    sa.Column("deliveryservice_name", sa.Text, nullable=False),
    sa.Column("stat_name", sa.Text, nullable=False),
    sa.Column("stat_value", sa.Double, nullable=False),
    sa.Column("summary_time", _Utc, nullable=False, server_default=sa.func.now()),
    sa.Column("stat_date", sa.Date),
)
_ROW = STATS_SUMMARY.c
_KEY = (_ROW.cdn_name, _ROW.deliveryservice_name, _ROW.stat_name, _ROW.stat_date)
_HAS_DATE = _ROW.stat_date.is_not(None)
sa.Index("tstats_stats_summary_day", *_KEY, unique=True, postgresql_where=_HAS_DATE, sqlite_where=_HAS_DATE)
sa.Index("tstats_stats_summary_last", _ROW.stat_name, _ROW.summary_time)

# The duplicates that stood in the way of the key, as they were, with when and why they went.
ARCHIVED_SUMMARY = sa.Table(
    "tstats_archived_summary",
    METADATA,
    _id(),
    sa.Column("cdn_name", sa.Text, nullable=False),
    sa.Column("deliveryservice_name", sa.Text, nullable=False),
    sa.Column("stat_name", sa.Text, nullable=False),
    sa.Column("stat_value", sa.Double, nullable=False),
    sa.Column("summary_time", _Utc, nullable=False),
    sa.Column("stat_date", sa.Date),
    sa.Column("archived_at", _Utc, nullable=False, server_default=sa.func.now()),
    sa.Column("reason", sa.Text, nullable=False),
)


def is_ours(thing: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:  # noqa: ANN401, FBT001 (Alembic calls it so)
    """Whether the migrations may look at a thing: our tables and stats_summary, and of that only our indexes.

    A database of Traffic Ops holds a hundred other tables, and may get indexes of its own.
    """
    del thing, reflected, compare_to
    if kind == "table":
        return name in METADATA.tables
    return kind == "column" or (name or "").startswith(PREFIX)


class Summaries:
    """The rows of stats_summary in one database.

    Every method raises `UnreachableError` when the database cannot be reached, and `DatabaseError` for
    anything else that it refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """The database, as reports name it."""
        return self._database.name

    def check(self) -> None:
        """See that the schema is at the revision that this code was written for.

        Raises:
            DatabaseError: it is not; the text says what to run.
        """
        found = self._revision()
        if found is None:
            raise DatabaseError(f"{self.name}: it is not set up for tstats yet; {UPGRADE}")
        if found < EXPECTED_REVISION:
            raise DatabaseError(
                f"{self.name}: it is at revision {found}, before {EXPECTED_REVISION}; {UPGRADE}"
            )
        if found > EXPECTED_REVISION:
            raise DatabaseError(
                f"{self.name}: it is at revision {found}, which this tstats does not know; use a newer tstats"
            )

    def _revision(self) -> str | None:
        if self._database.file is not None and not self._database.file.exists():
            return None  # to look would make the file
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table(VERSION_TABLE):
                return None
            found: str | None = connection.scalar(sa.text(f"SELECT max(version_num) FROM {VERSION_TABLE}"))
            return found

    def values(self, first: date, last: date, *, cdn: str | None = None) -> dict[Key, float]:
        """The values of the days from `first` to `last`, both counted in; of all CDNs, or of one."""
        with self._database.connect() as connection:
            return _values(connection, first, last, cdn)

    @contextmanager
    def exclusively(self, *, wait: float = 0.0) -> Iterator["Writer | None"]:
        """What writes rows, as the only one to summarize; None where another process does.

        In PostgreSQL it is an advisory lock of the session that writes: who loses it can no longer write. In
        SQLite each write is a transaction that begins with the write lock.

        Args:
            wait: seconds to wait for another process.
        """
        with self._database.connect(writing=True) as connection:
            alone = connection.dialect.name == "sqlite" or _lock(connection, until=time.monotonic() + wait)
            yield Writer(self._database, connection) if alone else None


class Writer:
    """Writes rows on one connection, each call a transaction; raises what `Summaries` does."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection

    def values(self, first: date, last: date, *, cdn: str | None = None) -> dict[Key, float]:
        """As `Summaries.values`."""
        with self._database.explaining(), self._connection.begin():
            return _values(self._connection, first, last, cdn)

    def save(self, summaries: Collection[Summary], *, at: datetime) -> None:
        """Make or correct one row for each summary; a row that has the value already is left as it is.

        Args:
            summaries: of any days, each key once.
            at: the summary_time of the rows that change.
        """
        waiting = [_as_row(summary, at) for summary in summaries]
        with self._database.explaining(), self._connection.begin():
            for start in range(0, len(waiting), _ROWS_A_STATEMENT):
                rows = waiting[start : start + _ROWS_A_STATEMENT]
                self._connection.execute(
                    upsert(self._connection.dialect.name, rows, where=_has_another_value)
                )


def upsert(
    dialect: str, rows: list[dict[str, object]], *, where: Callable[[Any], "sa.ColumnElement[bool]"]
) -> sa.Executable:
    """Makes rows, or gives those of the same keys another value and summary_time.

    Args:
        dialect: the database's kind.
        rows: with values for all columns but the id.
        where: which rows are replaced, by the columns that would replace theirs.
    """
    insert = _INSERT[dialect](STATS_SUMMARY).values(rows)
    statement: sa.Executable = insert.on_conflict_do_update(
        index_elements=_KEY,
        index_where=_HAS_DATE,
        set_={"stat_value": insert.excluded.stat_value, "summary_time": insert.excluded.summary_time},
        where=where(insert.excluded),
    )
    return statement


def _has_another_value(new: Any) -> "sa.ColumnElement[bool]":  # noqa: ANN401 (SQLAlchemy's `excluded`)
    differs: sa.ColumnElement[bool] = _ROW.stat_value != new.stat_value
    return differs


def _lock(connection: sa.Connection, *, until: float) -> bool:
    while True:
        alone = connection.scalar(sa.text("SELECT pg_try_advisory_lock(:space, :what)"), SUMMARIZING)
        connection.commit()
        if alone or time.monotonic() >= until:
            return bool(alone)
        time.sleep(_BETWEEN_TRIES)


def _values(connection: sa.Connection, first: date, last: date, cdn: str | None) -> dict[Key, float]:
    query = sa.select(*_KEY, _ROW.stat_value).where(_ROW.stat_date.between(first, last))
    if cdn is not None:
        query = query.where(_ROW.cdn_name == cdn)
    return {
        Key(cdn=cdn_name, deliveryservice=deliveryservice, stat=stat, day=day): value
        for cdn_name, deliveryservice, stat, day, value in connection.execute(query)
    }


def _as_row(summary: Summary, at: datetime) -> dict[str, object]:
    key = summary.key
    return {
        "cdn_name": key.cdn,
        "deliveryservice_name": key.deliveryservice,
        "stat_name": key.stat,
        "stat_value": summary.value,
        "summary_time": at,
        "stat_date": key.day,
    }
