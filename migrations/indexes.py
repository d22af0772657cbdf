"""Indexes made and dropped without blocking writers. Frozen: revisions of the past call it as it is.

PostgreSQL does that outside of transactions (CONCURRENTLY): an attempt that fails, or is killed, leaves an
index behind that is marked invalid. It is dropped here before the next attempt.
"""

from contextlib import suppress

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError


def create(name: str, on: str, *, unique: bool = False) -> None:
    """Make an index; one that is there and valid is that of an earlier run, which ended before it was noted.

    Args:
        name: its name.
        on: the table, the columns and the condition.
        unique: whether it is a key.

    Raises:
        DBAPIError: it cannot be made; nothing is left of it, if the database lets us remove it.
    """
    kind = "UNIQUE INDEX" if unique else "INDEX"
    if op.get_context().dialect.name != "postgresql":
        op.execute(f"CREATE {kind} {name} ON {on}")
        return
    with op.get_context().autocommit_block():
        valid = op.get_bind().scalar(
            text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"), {"name": name}
        )
        if valid:
            return
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        try:
            op.execute(f"CREATE {kind} CONCURRENTLY {name} ON {on}")
        except DBAPIError:
            # What was in the way of the index may be in the way of this too; then the next run does it.
            with suppress(DBAPIError):
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            raise


def drop(name: str) -> None:
    """Drop an index, if it is there."""
    if op.get_context().dialect.name != "postgresql":
        op.execute(f"DROP INDEX IF EXISTS {name}")
        return
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
