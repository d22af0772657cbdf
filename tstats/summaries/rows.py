"""Daily summaries in SQL: the rows of stats_summary, written by one process at a time."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from tstats.db.database import UPGRADE, Database
from tstats.db.lock import SUMMARIZING, exclusive
from tstats.db.tables import EXPECTED_REVISION, KEY, STATS_SUMMARY, VERSION_TABLE, unknown_revision, upsert
from tstats.errors import DatabaseError
from tstats.summaries.day import Summary, SummaryKey

_ROW = STATS_SUMMARY.c
_ROWS_PER_STATEMENT = 1_000  # with six parameters each, below the limits of both databases


class SummaryRows:
    """The rows of stats_summary in one database.

    Every method raises `UnreachableError` when the database cannot be reached, and `DatabaseError` when it
    refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """The database's name for messages."""
        return self._database.name

    def check(self) -> None:
        """Check that the schema is at the revision that this code was written for.

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
            return None  # connecting would create the file
        with self._database.connect() as connection:
            if not sa.inspect(connection).has_table(VERSION_TABLE):
                return None
            found: str | None = connection.scalar(sa.text(f"SELECT max(version_num) FROM {VERSION_TABLE}"))
            return found

    def values(self, day: date, *, cdn: str) -> dict[SummaryKey, float]:
        """Return the recorded values of a CDN and its delivery services for a day."""
        with self._database.connect() as connection:
            return _values(connection, day, cdn)

    @contextmanager
    def exclusively(self, *, wait: float = 0.0) -> Iterator["RowWriter | None"]:
        """Yield a writer that has the lock of summaries, or None if another process has it.

        Args:
            wait: seconds to wait for another process.
        """
        with (
            self._database.connect(writing=True) as connection,
            exclusive(connection, SUMMARIZING, wait=wait) as acquired,
        ):
            yield RowWriter(self._database, connection) if acquired else None


class RowWriter:
    """A writer of rows over one connection, one transaction per call; it raises what `SummaryRows` does."""

    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection

    def values(self, day: date, *, cdn: str) -> dict[SummaryKey, float]:
        """Return what `SummaryRows.values` does."""
        with self._database.translating(), self._connection.begin():
            return _values(self._connection, day, cdn)

    def save(self, summaries: Collection[Summary], *, at: datetime) -> None:
        """Insert or correct one row per summary; a row that has the value already is left as it is.

        Args:
            summaries: of any days, each key once.
            at: the summary_time of the rows that change.
        """
        rows = [_as_row(summary, at) for summary in summaries]
        with self._database.translating(), self._connection.begin():
            for start in range(0, len(rows), _ROWS_PER_STATEMENT):
                chunk = rows[start : start + _ROWS_PER_STATEMENT]
                self._connection.execute(
                    upsert(self._connection.dialect.name, chunk, where=_has_another_value)
                )


def _has_another_value(new: Any) -> "sa.ColumnElement[bool]":  # noqa: ANN401 (SQLAlchemy's `excluded`)
    differs: sa.ColumnElement[bool] = _ROW.stat_value != new.stat_value
    return differs


def _values(connection: sa.Connection, day: date, cdn: str) -> dict[SummaryKey, float]:
    query = sa.select(*KEY, _ROW.stat_value).where(_ROW.stat_date == day, _ROW.cdn_name == cdn)
    return {
        SummaryKey(cdn=cdn_name, deliveryservice=deliveryservice, stat=stat, day=stat_date): value
        for cdn_name, deliveryservice, stat, stat_date, value in connection.execute(query)
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
