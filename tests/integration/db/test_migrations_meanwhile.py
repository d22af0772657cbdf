"""Migrations while others use the database, and migrations that are interrupted: nothing is half done."""

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support import traffic_ops_database
from tests.support.commands import command, run
from tests.support.migrating import (
    DUPLICATE,
    KEY,
    migrations,
    open_transaction,
    rows,
    tables,
    waiting_for_a_lock,
)
from tests.support.postgres import Postgres, Session
from tests.support.waiting import wait_for
from tstats.errors import DatabaseError


@contextmanager
def upgrade_behind_a_writer(
    postgres: Postgres, database: str, url: str
) -> Iterator[tuple[Session, "Future[list[str]]"]]:
    """Yield a writer that has inserted a duplicate, and the upgrade whose key waits for it to commit."""
    with open_transaction(postgres, database, DUPLICATE) as writer, ThreadPoolExecutor(1) as background:
        upgrading = background.submit(migrations(url).upgrade)
        creating = waiting_for_a_lock(postgres, database, "CREATE UNIQUE INDEX")
        wait_for(creating, "the creation of the key to wait for the writer")
        yield writer, upgrading


# --- others use the database


def test_a_duplicate_written_while_the_key_is_created_is_archived_too(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    with upgrade_behind_a_writer(postgres, postgres_database, traffic_ops_url) as (writer, upgrading):
        writer.commit()
        assert upgrading.result(timeout=20)[-1] == "base -> 0004"
    assert migrations(traffic_ops_url).problems() == []
    archived = rows(traffic_ops_url, "tstats_archived_summary")
    assert [value for _, value, *_ in archived].count("-1.0") == 1


def test_writers_are_not_blocked_while_the_key_is_created(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    stop = threading.Event()

    def write() -> tuple[int, float]:
        written, longest = 0, 0.0
        with postgres.connect(postgres_database) as connection:
            while not stop.is_set():
                begun = time.monotonic()
                connection.execute(
                    "INSERT INTO stats_summary (deliveryservice_name, stat_name, stat_value, stat_date)"
                    " VALUES ('all', 'written', 1, '2000-01-01'::date + %s::int)",
                    (written,),
                )
                written, longest = written + 1, max(longest, time.monotonic() - begun)
        return written, longest

    with ThreadPoolExecutor(1) as background:
        writing = background.submit(write)
        try:
            # The key waits in vain for this session for a second; no writer may have to wait behind it.
            with (
                open_transaction(postgres, postgres_database, DUPLICATE.replace("id = 1", "id = 0")),
                pytest.raises(DatabaseError, match="held a lock for more than 1 s"),
            ):
                migrations(traffic_ops_url, lock_seconds=1.0).upgrade()
            migrations(traffic_ops_url).upgrade()
        finally:
            stop.set()
        written, longest = writing.result(timeout=10)
    assert longest < 0.8
    with postgres.connect(postgres_database) as connection:
        kept = connection.execute("SELECT count(*) FROM stats_summary WHERE stat_name = 'written'").fetchone()
    assert kept == (written,)


def test_a_new_duplicate_during_each_attempt_is_reported_and_leaves_no_key(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    # A trigger keeps duplicates from being deleted, as if each were written again at once.
    moving = migrations(traffic_ops_url)
    moving.upgrade("0002")
    with postgres.connect(postgres_database) as connection:
        connection.execute(DUPLICATE)
        connection.execute(
            "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
            "CREATE TRIGGER keep BEFORE DELETE ON stats_summary FOR EACH ROW EXECUTE FUNCTION keep()"
        )
        with pytest.raises(
            DatabaseError, match=r"a new duplicate during each of 5 attempts .* traffic_stats"
        ):
            moving.upgrade()
        assert moving.current() == "0002"
        assert connection.execute("SELECT to_regclass(%s)", (KEY,)).fetchone() == (None,)
        connection.execute("DROP TRIGGER keep ON stats_summary")
    assert moving.upgrade() == ["0002 -> 0004"]


@pytest.mark.parametrize(("mode", "reached"), [("ACCESS EXCLUSIVE", None), ("SHARE", "0001")])
def test_a_locked_table_is_reported_and_left_as_it_is(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str, mode: str, reached: str | None
) -> None:
    before = traffic_ops_database.checksum(postgres, postgres_database)
    with (
        open_transaction(postgres, postgres_database, f"LOCK TABLE stats_summary IN {mode} MODE"),
        pytest.raises(DatabaseError, match=r"another session held a lock for more than 0\.2 s"),
    ):
        migrations(traffic_ops_url, lock_seconds=0.2).upgrade()
    assert migrations(traffic_ops_url).current() == reached
    assert tables(traffic_ops_url) & {"tstats_archived_summary"} == set()
    assert traffic_ops_database.checksum(postgres, postgres_database) == before


def test_a_statement_that_takes_too_long_is_reported_and_undone(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    with postgres.connect(postgres_database) as connection:
        connection.execute(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$"
        )
        connection.execute(
            "CREATE TRIGGER slow AFTER DELETE ON stats_summary FOR EACH ROW EXECUTE FUNCTION slow()"
        )
    before = traffic_ops_database.checksum(postgres, postgres_database)
    with pytest.raises(DatabaseError, match=r"a statement took more than 0\.3 s"):
        migrations(traffic_ops_url, statement_seconds=0.3).upgrade()
    assert migrations(traffic_ops_url).current() == "0001"
    assert tables(traffic_ops_url) & {"tstats_archived_summary"} == set()
    assert traffic_ops_database.checksum(postgres, postgres_database) == before


def test_a_second_migration_at_the_same_time_is_refused(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    with upgrade_behind_a_writer(postgres, postgres_database, traffic_ops_url) as (writer, upgrading):
        refused = run("tstats", "db", "upgrade", "--database-url", traffic_ops_url)
        writer.rollback()
        assert upgrading.result(timeout=20)[-1] == "base -> 0004"
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "another session is migrating this database; try again once it has finished" in refused.stderr


# --- interrupted


@pytest.mark.parametrize("how", ["process", "session"])
def test_a_key_whose_creation_was_interrupted_is_created_by_the_next_run(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str, how: str
) -> None:
    before = rows(traffic_ops_url)
    with open_transaction(postgres, postgres_database, DUPLICATE) as writer:
        upgrading = subprocess.Popen(
            [command("tstats"), "db", "upgrade", "--database-url", traffic_ops_url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(waiting_for_a_lock(postgres, postgres_database, "CREATE UNIQUE INDEX"), "the key")
        if how == "process":
            upgrading.kill()
        end_session = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = %s AND query LIKE 'CREATE UNIQUE%%'"
        )
        with postgres.connect() as connection:
            connection.execute(end_session, (postgres_database,))
        _, stderr = upgrading.communicate(timeout=20)
        writer.rollback()
    if how == "session":
        assert upgrading.returncode == 1
        assert "cannot be reached: terminating connection due to administrator command" in stderr
    with postgres.connect(postgres_database) as connection:
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        assert connection.execute(query, (KEY,)).fetchone() == (False,)
    moving = migrations(traffic_ops_url)
    assert moving.current() == "0002"
    assert moving.upgrade() == ["0002 -> 0004"]
    assert moving.problems() == []
    moving.downgrade("base")
    assert rows(traffic_ops_url) == before


def test_a_downgrade_removes_what_an_interrupted_key_left_behind(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    before = traffic_ops_database.checksum(postgres, postgres_database)
    schema_before = traffic_ops_database.catalog(postgres, postgres_database)
    with (
        open_transaction(postgres, postgres_database, DUPLICATE.replace("id = 1", "id = 0")),
        pytest.raises(DatabaseError, match="held a lock"),
    ):
        migrations(traffic_ops_url, lock_seconds=0.2).upgrade()
    assert KEY in {entry[0] for entry in traffic_ops_database.catalog(postgres, postgres_database)}
    migrations(traffic_ops_url).downgrade("base")
    assert traffic_ops_database.checksum(postgres, postgres_database) == before
    assert traffic_ops_database.catalog(postgres, postgres_database) == schema_before


def test_a_valid_key_that_was_not_recorded_is_kept(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    moving = migrations(traffic_ops_url)
    moving.upgrade("0003")
    with postgres.connect(postgres_database) as connection:
        connection.execute("UPDATE tstats_alembic_version SET version_num = '0002'")
        number = connection.execute("SELECT to_regclass(%s)::oid", (KEY,)).fetchone()
        moving.upgrade()
        assert connection.execute("SELECT to_regclass(%s)::oid", (KEY,)).fetchone() == number
    assert moving.problems() == []
