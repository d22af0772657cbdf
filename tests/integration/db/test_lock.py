"""The lock that only one session may hold."""

import pytest
from sqlalchemy import Connection

from tests.support.postgres import Postgres
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.lock import MIGRATING, SUMMARIZING, exclusive


@pytest.fixture
def database(postgres: Postgres, postgres_database: str) -> Database:
    return Database(Secret(postgres.url(postgres_database)))


def test_only_one_session_at_a_time_holds_the_lock_of_a_purpose(database: Database) -> None:
    with database.connect() as connection, database.connect() as other:
        with exclusive(connection, SUMMARIZING) as first, exclusive(other, SUMMARIZING) as second:
            assert (first, second) == (True, False)
            with exclusive(other, MIGRATING) as third:
                assert third
        # The refused session has neither released the lock of the first nor kept one of its own.
        with exclusive(other, SUMMARIZING) as later:
            assert later


def test_a_failure_releases_the_lock_and_is_raised_unchanged(database: Database) -> None:
    def fail_midway(connection: Connection) -> None:
        with exclusive(connection, SUMMARIZING):
            connection.exec_driver_sql("CREATE TABLE half_done (id int)")
            raise ZeroDivisionError

    with database.connect() as connection, database.connect() as other:
        with pytest.raises(ZeroDivisionError):
            fail_midway(connection)
        with exclusive(other, SUMMARIZING) as free:
            assert free


def test_a_failure_is_raised_unchanged_after_the_session_is_lost(
    postgres: Postgres, postgres_database: str, database: Database
) -> None:
    def fail_after_losing_the_session() -> None:
        with database.connect() as connection, exclusive(connection, SUMMARIZING):
            with postgres.connect() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                    (postgres_database,),
                )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_losing_the_session()
