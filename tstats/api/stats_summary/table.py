"""The SQL table stats_summary as the API reads and writes it.

Traffic Ops' own table works as well, except for recording a summary of a day: the key for that is added by
the migrations.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from tstats.api.stats_summary.query import RecordQuery
from tstats.api.stats_summary.record import StatsSummary
from tstats.db.database import UPGRADE, Database
from tstats.db.tables import STATS_SUMMARY, upsert
from tstats.errors import DatabaseError

_ROW = STATS_SUMMARY.c
_COLUMNS = {"cdn": _ROW.cdn_name, "deliveryservice": _ROW.deliveryservice_name, "stat": _ROW.stat_name}
_BATCH = 1_000


class SummaryTable:
    """The records in a database; any thread may use it.

    Every method raises `UnreachableError` if the database cannot be reached, and `DatabaseError` for anything
    else that it refuses.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, query: RecordQuery, *, max_records: int) -> Generator[list[StatsSummary]]:
        """Yield records in batches; records that sort equal come in the order in which they were made.

        Close the generator to stop early.

        Args:
            query: which records.
            max_records: the most records to read, whatever the query's limit is.
        """
        order: list[sa.ColumnElement[Any]] = [_ROW.id]
        if query.order is not None:
            column = _COLUMNS[query.order]
            order.insert(0, column.desc() if query.descending else column.asc())
        statement = (
            sa.select(*_COLUMNS.values(), _ROW.stat_value, _ROW.summary_time, _ROW.stat_date)
            .where(*(_COLUMNS[subject] == name for subject, name in query.filters.items()))
            .order_by(*order)
            .limit(max_records if query.limit is None else min(query.limit, max_records))
            .offset(query.offset or None)
        )
        with (
            self._connect() as connection,
            connection.execution_options(yield_per=_BATCH).execute(statement) as result,
        ):
            for rows in result.partitions():
                yield [
                    StatsSummary(
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
        """Return the latest summary_time of a statistic, or (None) of all; None without any record."""
        statement = sa.select(_ROW.summary_time).order_by(_ROW.summary_time.desc()).limit(1)
        if stat is not None:
            statement = statement.where(_ROW.stat_name == stat)
        with self._connect() as connection:
            found: datetime | None = connection.scalar(statement)
            return found

    def save(self, record: StatsSummary) -> None:
        """Save a record, unless there is one with a later time for its CDN, delivery service, stat and date.

        A record without a date never replaces another one.
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
            raise DatabaseError(f"{self._database.name}: no such file; {UPGRADE}")
        with self._database.connect(writing=writing) as connection:
            yield connection


def _is_newer(new: Any) -> "sa.ColumnElement[bool]":  # noqa: ANN401 (SQLAlchemy's `excluded`)
    later: sa.ColumnElement[bool] = _ROW.summary_time <= new.summary_time
    return later
