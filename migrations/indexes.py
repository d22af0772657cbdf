"""Creates and drops indexes without blocking writers. Frozen: released revisions depend on it as it is.

PostgreSQL does this outside of transactions (CONCURRENTLY): an attempt that fails or is killed leaves behind
an index that is marked invalid. It is dropped here before the next attempt.
"""

from contextlib import suppress

from alembic import op
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError


def create(name: str, on: str, *, unique: bool = False) -> None:
    """Create an index, unless a valid one is left from an earlier run that ended before it was recorded.

    Args:
        name: the name of the index.
        on: its table, columns and condition.
        unique: whether it is a unique key.

    Raises:
        DBAPIError: it cannot be created; nothing of it is left, if the database allows removing it.
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
            # Whatever prevented the index may prevent this too; then the next run drops it.
            with suppress(DBAPIError):
                op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            raise


def drop(name: str) -> None:
    """Drop an index if it exists."""
    if op.get_context().dialect.name != "postgresql":
        op.execute(f"DROP INDEX IF EXISTS {name}")
        return
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
