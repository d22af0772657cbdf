"""What the migrations refuse, and with which message: nothing is half done."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.support import traffic_ops_database
from tests.support.migrating import migrations, tables
from tests.support.postgres import Postgres
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.errors import DatabaseError
from tstats.summaries.rows import SummaryRows

# --- refused


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("ALTER TABLE stats_summary DROP COLUMN stat_date", "stat_date is missing instead of date"),
        (
            "ALTER TABLE stats_summary ALTER COLUMN stat_value TYPE numeric",
            "stat_value is numeric not null instead of double precision not null",
        ),
        ("ALTER TABLE stats_summary ADD COLUMN unit text", "unit is text instead of missing"),
        (
            "ALTER TABLE stats_summary ALTER COLUMN stat_name DROP NOT NULL",
            "stat_name is text instead of text not null",
        ),
        (
            "ALTER TABLE stats_summary DROP CONSTRAINT idx_89740_primary",
            "id is bigint not null default nextval('stats_summary_id_seq'::regclass) instead of",
        ),
        (
            "ALTER TABLE stats_summary RENAME TO old; CREATE VIEW stats_summary AS SELECT 1 AS id",
            "id is integer instead of bigint not null key",
        ),
    ],
)
def test_a_table_with_other_columns_is_refused_and_left_as_it_is(
    postgres: Postgres, postgres_database: str, traffic_ops_url: str, change: str, expected: str
) -> None:
    with postgres.connect(postgres_database) as connection:
        connection.execute(change)
    before = traffic_ops_database.catalog(postgres, postgres_database)
    with pytest.raises(DatabaseError, match="a stats_summary of another shape than Traffic Ops'") as caught:
        migrations(traffic_ops_url).upgrade()
    assert expected in str(caught.value)
    assert traffic_ops_database.catalog(postgres, postgres_database) == before


def test_a_sqlite_table_with_other_columns_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tstats.db'}"
    with Database(Secret(url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.text("CREATE TABLE stats_summary (id INTEGER PRIMARY KEY, value REAL)"))
    with pytest.raises(DatabaseError, match=r"another shape .* cdn_name is missing instead of TEXT not null"):
        migrations(url).upgrade()
    assert tables(url) == {"stats_summary"}


@pytest.mark.usefixtures("traffic_ops_url")
@pytest.mark.parametrize(
    "grants", ["", "GRANT ALL ON stats_summary TO nobody; GRANT ALL ON SCHEMA public TO nobody"]
)
def test_a_role_without_the_privilege_is_told_which_role_has_it(
    postgres: Postgres, postgres_database: str, grants: str
) -> None:
    with postgres.connect(postgres_database) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'nobody'").fetchone():
            connection.execute("CREATE ROLE nobody LOGIN")
        connection.execute(grants)
    before = traffic_ops_database.catalog(postgres, postgres_database)
    with pytest.raises(
        DatabaseError, match=r"belongs to the role traffic_ops|permission denied .* as the role"
    ):
        migrations(postgres.url(postgres_database, user="nobody")).upgrade()
    assert traffic_ops_database.catalog(postgres, postgres_database) == before
    with postgres.connect(postgres_database) as connection:
        connection.execute("DROP OWNED BY nobody")


def test_a_database_newer_than_the_code_is_refused(database_url: str) -> None:
    moving = migrations(database_url)
    moving.upgrade()
    with Database(Secret(database_url)).connect(writing=True) as connection, connection.begin():
        connection.execute(sa.text("UPDATE tstats_alembic_version SET version_num = '0099'"))
    expected = "the schema is at revision 0099, which this tstats does not know"
    for action in (moving.upgrade, lambda: moving.downgrade("base"), moving.current, moving.history):
        with pytest.raises(DatabaseError, match=expected):
            action()
    assert moving.problems()[0].startswith(expected)
    with pytest.raises(DatabaseError, match=expected):
        SummaryRows(Database(Secret(database_url))).check()


def test_a_database_that_is_not_set_up_names_the_command_to_run(database_url: str) -> None:
    database = Database(Secret(database_url))
    with pytest.raises(DatabaseError, match="not set up for tstats yet; run: tstats db upgrade"):
        SummaryRows(database).check()
    assert database.file is None or not database.file.exists()
    migrations(database_url).upgrade("0002")
    with pytest.raises(DatabaseError, match="revision 0002, not 0004; run: tstats db upgrade"):
        SummaryRows(database).check()
    migrations(database_url).upgrade()
    SummaryRows(database).check()
