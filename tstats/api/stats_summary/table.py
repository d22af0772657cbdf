"""stats_summary as the API reads and writes it: records by filter, the time of the last, one that is posted.

It works on the table as Traffic Ops makes it, too, but for a record that is of a day: its key comes with the
migrations.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tstats.api.stats_summary.query import RecordQuery
from tstats.api.stats_summary.record import Record
from tstats.db.database import UPGRADE, Database
from tstats.db.tables import STATS_SUMMARY, upsert
from tstats.errors import DatabaseError

_ROW = STATS_SUMMARY.c
_COLUMNS = {"cdn": _ROW.cdn_name, "deliveryservice": _ROW.deliveryservice_name, "stat": _ROW.stat_name}
_ROWS_AT_ONCE = 1_000


class SummaryRecords:
    """The records in one database; any thread may use it.

    Every method raises `UnreachableError` when the database cannot be reached, and `DatabaseError` for
    anything else that it refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, query: RecordQuery, *, most: int) -> Generator[list[Record]]:
        """The records, a thousand at a time; those of equal order as they were made. Close it to stop early.

        Args:
            query: which ones.
            most: no more are read, whatever the query's limit.
        """
        order: list[sa.ColumnElement[Any]] = [_ROW.id]
        if query.order is not None:
            column = _COLUMNS[query.order]
            order.insert(0, column.desc() if query.descending else column.asc())
        statement = (
            sa.select(*_COLUMNS.values(), _ROW.stat_value, _ROW.summary_time, _ROW.stat_date)
            .where(*(_COLUMNS[subject] == name for subject, name in query.filters.items()))
            .order_by(*order)
            .limit(most if query.limit is None else min(query.limit, most))
            .offset(query.offset or None)
        )
        with (
            self._connect() as connection,
            connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement) as result,
        ):
            for rows in result.partitions():
                yield [
                    Record(
                        cdn=cdn,
                        deliveryservice=deliveryservice,
                        stat=stat,
                        value=value,
                        summary_time=summary_time,
                        stat_date=stat_date,
                    )
                    for (cdn, deliveryservice, stat, value, summary_time, stat_date) in map(tuple, rows)
                ]

    def last(self, stat: str | None) -> datetime | None:
        """The latest summary_time of a stat, or (None) of all; None where there is no record."""
        statement = sa.select(_ROW.summary_time).order_by(_ROW.summary_time.desc()).limit(1)
        if stat is not None:
            statement = statement.where(_ROW.stat_name == stat)
        with self._connect() as connection:
            found: datetime | None = connection.scalar(statement)
            return found

    def save(self, record: Record) -> None:
        """Keep a record; of those of one (cdn, delivery service, stat, date) the one with the latest time.

        A record without a date is always another one.
        """
        row: dict[str, object] = {
            "cdn_name": record.cdn,
            "deliveryservice_name": record.deliveryservice,
            "stat_name": record.stat,
            "stat_value": record.value,
            "summary_time": record.summary_time,
            "stat_date": record.stat_date,
        }
        with self._connect(writing=True) as connection, connection.begin():
            if record.stat_date is None:
                connection.execute(sa.insert(STATS_SUMMARY).values(row))
            else:
                connection.execute(upsert(connection.dialect.name, [row], where=_is_newer))

    @contextmanager
    def _connect(self, *, writing: bool = False) -> Iterator[sa.Connection]:
        if self._database.file is not None and not self._database.file.exists():
            raise DatabaseError(f"{self._database.name}: there is no such file; {UPGRADE}")
        with self._database.connect(writing=writing) as connection:
            yield connection


def _is_newer(new: Any) -> "sa.ColumnElement[bool]":  # noqa: ANN401 (SQLAlchemy's `excluded`)
    later: sa.ColumnElement[bool] = _ROW.summary_time <= new.summary_time
    return later
