"""The tables of the SQL database: Traffic Ops' stats_summary, and those of tstats next to it.

Traffic Ops owns stats_summary and may write to it at any time. Only the revisions in `migrations/` change its
schema; the tables here match the last of them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

EXPECTED_REVISION: Final = "0004"
VERSION_TABLE: Final = "tstats_alembic_version"
PREFIX: Final = "tstats_"

_INSERT: dict[str, Callable[[sa.Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

METADATA = sa.MetaData()


class _Utc(sa.TypeDecorator[datetime]):
    """A time, stored in UTC by SQLite, which has no time zones, and with a zone by PostgreSQL."""

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
KEY = (_ROW.cdn_name, _ROW.deliveryservice_name, _ROW.stat_name, _ROW.stat_date)
_HAS_DATE = _ROW.stat_date.is_not(None)
sa.Index("tstats_stats_summary_day", *KEY, unique=True, postgresql_where=_HAS_DATE, sqlite_where=_HAS_DATE)
sa.Index("tstats_stats_summary_last", _ROW.stat_name, _ROW.summary_time)

# The duplicates that the unique key ruled out, as they were, with when and why they were archived.
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


def unknown_revision(revision: str) -> str:
    """Return the error for a database that a newer tstats has migrated."""
    return f"the schema is at revision {revision}, which this tstats does not know; use a newer tstats"


def is_managed(item: Any, name: str | None, kind: str, reflected: bool, compare_to: Any) -> bool:  # noqa: ANN401, FBT001 (Alembic's signature)
    """Return whether the migrations manage a table, column or index.

    They manage the tables of tstats and stats_summary, but only the indexes of tstats: a database of Traffic
    Ops has a hundred other tables, and may get indexes of its own.
    """
    del item, reflected, compare_to
    if kind == "table":
        return name in METADATA.tables
    return kind == "column" or (name or "").startswith(PREFIX)


def upsert(
    dialect: str, rows: list[dict[str, object]], *, where: Callable[[Any], "sa.ColumnElement[bool]"]
) -> sa.Executable:
    """Return the statement that inserts rows, or updates value and summary_time of those with the same key.

    Args:
        dialect: `postgresql` or `sqlite`.
        rows: values for all columns except the id.
        where: given the new columns, the condition under which a row is updated.
    """
    insert = _INSERT[dialect](STATS_SUMMARY).values(rows)
    statement: sa.Executable = insert.on_conflict_do_update(
        index_elements=KEY,
        index_where=_HAS_DATE,
        set_={"stat_value": insert.excluded.stat_value, "summary_time": insert.excluded.summary_time},
        where=where(insert.excluded),
    )
    return statement
