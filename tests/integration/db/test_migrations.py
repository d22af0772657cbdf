"""The migrations on real databases: every row survives every upgrade and downgrade."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.support import traffic_ops_database
from tests.support.migrating import KEY, REVISIONS, SIX_ROWS, insert, migrations, rows, tables
from tests.support.postgres import Postgres
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.tables import EXPECTED_REVISION
from tstats.errors import ConfigError, DatabaseError, UnreachableError

# --- up and down


def test_every_revision_goes_up_and_down_and_keeps_every_row(database_url: str) -> None:
    moving = migrations(database_url)
    assert moving.current() is None
    moving.upgrade("0001")
    insert(database_url, SIX_ROWS)
    before = rows(database_url)
    for _ in range(2):
        for name in REVISIONS[1:]:
            moving.upgrade("+1")
            assert moving.current() == name
        assert moving.problems() == []
        kept, archived = rows(database_url), rows(database_url, "tstats_archived_summary")
        assert sorted(kept + archived) == before
        assert [value for _, value, *_ in archived] == ["1.5", "2.5"]
        for name in reversed(REVISIONS[:-1]):
            moving.downgrade("-1")
            assert moving.current() == name
        assert rows(database_url) == before


def test_a_downgrade_to_base_leaves_only_the_table_itself(database_url: str) -> None:
    moving = migrations(database_url)
    assert moving.upgrade()[-1] == "base -> 0004"
    assert moving.upgrade() == ["nothing to do: the database is at 0004"]
    assert tables(database_url) - {"sqlite_sequence"} == {
        "stats_summary",
        "tstats_archived_summary",
        "tstats_alembic_version",
    }
    assert moving.downgrade("base")[-1] == "0004 -> base"
    assert tables(database_url) - {"sqlite_sequence"} == {"stats_summary"}
    assert moving.upgrade()[-1] == "base -> 0004"
    assert moving.problems() == []


def test_a_traffic_ops_database_of_100_000_rows_loses_and_changes_none(
    postgres: Postgres, postgres_database: str
) -> None:
    traffic_ops_database.fill(postgres, postgres_database, rows=100_000)
    moving = migrations(postgres.url(postgres_database, user=traffic_ops_database.OWNER))
    rows_before = traffic_ops_database.checksum(postgres, postgres_database)
    schema_before = traffic_ops_database.catalog(postgres, postgres_database)
    others_before = traffic_ops_database.checksum(postgres, postgres_database, "schema_migrations")

    assert moving.upgrade() == ["5000 duplicates archived", "base -> 0004"]
    assert moving.problems() == []
    with postgres.connect(postgres_database) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM stats_summary), (SELECT count(*) FROM tstats_archived_summary),"
            " (SELECT count(*) FROM tstats_archived_summary AS a JOIN stats_summary AS s"
            "  ON a.reason = 'duplicate of ' || s.id AND (s.summary_time, s.id) > (a.summary_time, a.id)"
            "  AND (s.cdn_name, s.deliveryservice_name, s.stat_name, s.stat_date)"
            "    = (a.cdn_name, a.deliveryservice_name, a.stat_name, a.stat_date))"
        ).fetchone()
    assert counts == (95_000, 5_000, 5_000)

    moving.downgrade("base")
    assert traffic_ops_database.checksum(postgres, postgres_database) == rows_before
    assert traffic_ops_database.catalog(postgres, postgres_database) == schema_before
    assert traffic_ops_database.checksum(postgres, postgres_database, "schema_migrations") == others_before


def test_the_adopted_table_keeps_its_owner_trigger_and_columns(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    before = traffic_ops_database.catalog(postgres, postgres_database)
    migrations(traffic_ops_url).upgrade()
    after = traffic_ops_database.catalog(postgres, postgres_database)
    added = [entry for entry in after if entry not in before]
    assert [entry for entry in before if entry not in after] == []
    assert {entry[0] for entry in added} == {
        "tstats_alembic_version",
        "tstats_alembic_version_pkc",
        "tstats_archived_summary",
        "tstats_archived_summary_key",
        "tstats_stats_summary_day",
        "tstats_stats_summary_last",
    }


def test_a_table_created_here_equals_that_of_traffic_ops(postgres: Postgres, postgres_database: str) -> None:
    migrations(postgres.url(postgres_database)).upgrade("0001")
    created = traffic_ops_database.catalog(postgres, postgres_database)
    other = postgres.create_database()
    traffic_ops_database.fill(postgres, other, rows=1)
    theirs = traffic_ops_database.catalog(postgres, other)
    postgres.drop_database(other)

    def of_the_table(entries: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        names = ("stats_summary", "stats_summary_id_seq", "idx_89740_primary")
        return [(*entry[:2], *entry[3:]) for entry in entries if entry[0] in names]

    assert of_the_table(created) == of_the_table(theirs)


def test_the_key_allows_one_row_per_day_and_any_number_without_a_day(database_url: str) -> None:
    migrations(database_url).upgrade()
    insert(database_url, SIX_ROWS[2:])
    with pytest.raises(DatabaseError, match=r"(?i)unique"):
        insert(database_url, SIX_ROWS[:1])
    assert len(rows(database_url)) == 4


def test_an_index_serves_the_query_for_the_last_summary(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    migrations(traffic_ops_url).upgrade()
    with postgres.connect(postgres_database) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT max(summary_time) FROM stats_summary WHERE stat_name = 'daily_maxgbps'"
        ).fetchall()
    assert "tstats_stats_summary_last" in str(plan)


# --- models and migrations


def test_the_code_expects_the_last_revision(database_url: str) -> None:
    assert migrations(database_url).names == REVISIONS
    assert REVISIONS[-1] == EXPECTED_REVISION


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (f"DROP INDEX {KEY}", f"the schema differs: add index {KEY}"),
        (
            "ALTER TABLE stats_summary ADD COLUMN more text",
            "the schema differs: remove column stats_summary more",
        ),
        ("DROP TABLE tstats_archived_summary", "the schema differs: add table tstats_archived_summary"),
        (
            "DELETE FROM tstats_alembic_version",
            "the schema is at revision base, not 0004; run: tstats db upgrade",
        ),
        (
            "UPDATE tstats_alembic_version SET version_num = '0002'",
            "the schema is at revision 0002, not 0004; run",
        ),
    ],
)
def test_an_unexpected_schema_is_reported(database_url: str, change: str, expected: str) -> None:
    moving = migrations(database_url)
    moving.upgrade()
    with Database(Secret(database_url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.text(change))
    (problem,) = moving.problems()
    assert problem.startswith(expected)


def test_tables_and_indexes_of_others_are_ignored(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str
) -> None:
    migrations(traffic_ops_url).upgrade()
    with postgres.connect(postgres_database) as connection:
        connection.execute("CREATE INDEX of_theirs ON stats_summary (cdn_name); CREATE TABLE more (id int)")
    assert migrations(traffic_ops_url).problems() == []


# --- SQLite


def test_a_sqlite_file_is_copied_before_each_change_and_not_otherwise(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tstats.db'}"

    def copies() -> list[Path]:
        return sorted(tmp_path.glob("tstats.db.*.bak"))

    moving = migrations(url)
    moving.upgrade("0001")
    assert copies() == []
    insert(url, SIX_ROWS)
    before = rows(url)
    printed = moving.upgrade()
    assert printed[0] == f"copied {tmp_path / 'tstats.db'} to {copies()[0]}"
    moving.upgrade()
    assert len(copies()) == 1
    moving.downgrade("-1")
    first, second = copies()
    assert rows(f"sqlite:///{first}") == before
    assert migrations(f"sqlite:///{first}").current() == "0001"
    assert migrations(f"sqlite:///{second}").current() == "0004"


def test_a_sqlite_command_that_fails_undoes_all_its_revisions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tstats.db'}"
    migrations(url).upgrade("0001")
    insert(url, SIX_ROWS)
    before = rows(url)
    with Database(Secret(url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.text("CREATE TABLE tstats_stats_summary_last (of_another TEXT)"))
    with pytest.raises(DatabaseError, match="tstats_stats_summary_last"):
        migrations(url).upgrade()
    assert migrations(url).current() == "0001"
    assert rows(url) == before
    assert "tstats_archived_summary" not in tables(url)


def test_a_sqlite_file_locked_by_another_process_is_reported(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tstats.db'}"
    migrations(url).upgrade("0001")
    with (
        Database(Secret(url)).connect(writing=True) as connection,
        connection.begin(),
        pytest.raises(DatabaseError, match=r"held the file locked for more than 0\.1 s"),
    ):
        migrations(url, lock_seconds=0.1).upgrade()
    assert migrations(url).current() == "0001"


# --- the URL


@pytest.mark.parametrize(
    "url", ["", "correct-horse", "mysql://root:correct-horse@h/d", "sqlite://", "sqlite:///"]
)
def test_an_unusable_url_is_an_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ConfigError, match="databaseUrl: ") as caught:
        Database(Secret(url))
    assert "correct-horse" not in str(caught.value)


def test_an_unreachable_database_is_named_without_its_password(postgres: Postgres) -> None:
    url = postgres.url("nowhere").replace("tester@", "tester:correct-horse@") + "?application_name=x"
    with pytest.raises(UnreachableError, match='database "nowhere" does not exist') as caught:
        migrations(url).upgrade()
    assert str(caught.value).startswith(f"postgresql+psycopg://tester@127.0.0.1:{postgres.port}/nowhere ")
    assert "correct-horse" not in str(caught.value)


def test_a_sqlite_file_in_a_missing_directory_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file; check that its directory exists"):
        migrations(f"sqlite:///{tmp_path / 'none' / 'tstats.db'}").upgrade()
