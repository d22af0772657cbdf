"""The daily summaries as rows of stats_summary: read, and written by one process at a time."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from tstats.db.database import UPGRADE, Database
from tstats.db.lock import SUMMARIZING, exclusive
from tstats.db.tables import EXPECTED_REVISION, KEY, STATS_SUMMARY, VERSION_TABLE, unknown_revision, upsert
from tstats.errors import DatabaseError
from tstats.summaries.day import Key, Summary

_ROW = STATS_SUMMARY.c
_ROWS_A_STATEMENT = 1_000  # six parameters each: below the limits of both databases


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
            raise DatabaseError(f"{self.name}: not set up for tstats yet; {UPGRADE}")
        if found < EXPECTED_REVISION:
            raise DatabaseError(
                f"{self.name}: the schema is at revision {found}, not {EXPECTED_REVISION}; {UPGRADE}"
            )
        if found > EXPECTED_REVISION:
            raise DatabaseError(f"{self.name}: {unknown_revision(found)}")

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

        Args:
            wait: seconds to wait for another process.
        """
        with (
            self._database.connect(writing=True) as connection,
            exclusive(connection, SUMMARIZING, wait=wait) as alone,
        ):
            yield Writer(self._database, connection) if alone else None


class Writer:
    """Writes rows on one connection, each call a transaction; raises what `Summaries` does."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection

    def values(self, first: date, last: date, *, cdn: str | None = None) -> dict[Key, float]:
        """As `Summaries.values`."""
        with self._database.translating(), self._connection.begin():
            return _values(self._connection, first, last, cdn)

    def save(self, summaries: Collection[Summary], *, at: datetime) -> None:
        """Make or correct one row for each summary; a row that has the value already is left as it is.

        Args:
            summaries: of any days, each key once.
            at: the summary_time of the rows that change.
        """
        waiting = [_as_row(summary, at) for summary in summaries]
        with self._database.translating(), self._connection.begin():
            for start in range(0, len(waiting), _ROWS_A_STATEMENT):
                rows = waiting[start : start + _ROWS_A_STATEMENT]
                self._connection.execute(
                    upsert(self._connection.dialect.name, rows, where=_has_another_value)
                )


def _has_another_value(new: Any) -> "sa.ColumnElement[bool]":  # noqa: ANN401 (SQLAlchemy's `excluded`)
    differs: sa.ColumnElement[bool] = _ROW.stat_value != new.stat_value
    return differs


def _values(connection: sa.Connection, first: date, last: date, cdn: str | None) -> dict[Key, float]:
    query = sa.select(*KEY, _ROW.stat_value).where(_ROW.stat_date.between(first, last))
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
