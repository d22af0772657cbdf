"""Helpers for tests of migrations: rows, tables, and other sessions that hold locks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from tests.support.postgres import Postgres, Session
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.migrations import Migrations

REVISIONS = ["0001", "0002", "0003", "0004"]
KEY = "tstats_stats_summary_day"
# (summary_time, stat_date, value): three of one day, two of them with the same time, and two without a day.
SIX_ROWS = [
    ("2026-11-21 00:10:00+00:00", "2026-11-20", 1.5),
    ("2026-11-21 00:12:00+00:00", "2026-11-20", 2.5),
    ("2026-11-21 00:12:00+00:00", "2026-11-20", 3.5),
    ("2026-11-22 00:10:00+00:00", "2026-11-21", 4.5),
    ("2026-11-22 00:10:00+00:00", None, 5.5),
    ("2026-11-22 00:10:00+00:00", None, 6.5),
]


def migrations(url: str, **waits: float) -> Migrations:
    return Migrations(Database(Secret(url), **waits))


def rows(url: str, table: str = "stats_summary") -> list[tuple[Any, ...]]:
    with Database(Secret(url)).connect() as connection:
        query = f"SELECT id, stat_value, stat_date, summary_time FROM {table} ORDER BY id"
        return [tuple(map(str, row)) for row in connection.execute(sa.text(query))]


def insert(url: str, given: list[tuple[str, str | None, float]]) -> None:
    with Database(Secret(url)).connect(writing=True) as connection, connection.begin():
        for summary_time, stat_date, value in given:
            connection.execute(
                sa.text(
                    "INSERT INTO stats_summary"
                    " (deliveryservice_name, stat_name, stat_value, summary_time, stat_date)"
                    " VALUES ('all', 'daily_maxgbps', :value, :summary_time, :stat_date)"
                ),
                {"summary_time": summary_time, "stat_date": stat_date, "value": value},
            )


def tables(url: str) -> set[str]:
    with Database(Secret(url)).connect() as connection:
        return set(sa.inspect(connection).get_table_names())


@contextmanager
def open_transaction(server: Postgres, database: str, statement: str) -> Iterator[Session]:
    """Yield another session that has run a statement and not committed it."""
    with server.connect(database) as connection:
        connection.autocommit = False
        connection.execute(statement)
        yield connection
        connection.rollback()


def waiting_for_a_lock(server: Postgres, database: str, statement: str) -> Callable[[], bool]:
    def is_waiting() -> bool:
        with server.connect() as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = %s AND wait_event_type = 'Lock' AND query LIKE %s",
                (database, f"{statement}%"),
            ).fetchall()
        return bool(found)

    return is_waiting


DUPLICATE = (
    "INSERT INTO stats_summary"
    " (cdn_name, deliveryservice_name, stat_name, stat_value, summary_time, stat_date)"
    " SELECT cdn_name, deliveryservice_name, stat_name, -1, summary_time - interval '1 day', stat_date"
    " FROM stats_summary WHERE id = 1"
)
