"""Locks that keep two processes from migrating, or summarizing into, one PostgreSQL database at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

MIGRATING: Final = 1
SUMMARIZING: Final = 2

# An advisory lock has two numbers: the first says whose it is ("tsta"), the second what it is for.
_SPACE = 0x74737461
_RETRY_INTERVAL = 0.2  # seconds


@contextmanager
def exclusive(connection: Connection, purpose: int, *, wait: float = 0.0) -> Iterator[bool]:
    """Hold a lock inside `with`; yield whether it was free.

    PostgreSQL has advisory locks, which belong to a session: a process that loses its session can no longer
    write. SQLite needs none, since each of its writes is a transaction that starts with the write lock.

    Args:
        connection: the connection that writes.
        purpose: `MIGRATING` or `SUMMARIZING`.
        wait: seconds to wait for another session to release the lock.
    """
    if connection.dialect.name == "sqlite":
        yield True
        return
    if not _acquire(connection, purpose, until=time.monotonic() + wait):
        yield False
        return
    try:
        yield True
    finally:
        _release(connection, purpose)


def _acquire(connection: Connection, purpose: int, *, until: float) -> bool:
    while True:
        acquired = connection.scalar(
            text("SELECT pg_try_advisory_lock(:space, :purpose)"), {"space": _SPACE, "purpose": purpose}
        )
        connection.commit()
        if acquired or time.monotonic() >= until:
            return bool(acquired)
        time.sleep(_RETRY_INTERVAL)


def _release(connection: Connection, purpose: int) -> None:
    """Release the lock now: the server ends a session only some time after its client has closed it."""
    with suppress(SQLAlchemyError):  # a session that is lost has lost its lock too
        connection.rollback()
        connection.execute(
            text("SELECT pg_advisory_unlock(:space, :purpose)"), {"space": _SPACE, "purpose": purpose}
        )
        connection.commit()
