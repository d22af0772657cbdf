"""Adopt Traffic Ops' stats_summary as it is, or create an identical table.

Traffic Ops' table keeps its rows, its owner and its trigger. Downgrading keeps the table, whoever created it:
nobody could compute its contents again.
"""

from alembic import op
from alembic.util import CommandError
from sqlalchemy import Connection, text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_POSTGRESQL = (
    "CREATE SEQUENCE stats_summary_id_seq",
    """
    CREATE TABLE stats_summary (
        id bigint NOT NULL DEFAULT nextval('stats_summary_id_seq'),
        cdn_name text NOT NULL DEFAULT 'all',
        deliveryservice_name text NOT NULL,
        stat_name text NOT NULL,
        stat_value double precision NOT NULL,
        summary_time timestamp with time zone NOT NULL DEFAULT now(),
        stat_date date,
        CONSTRAINT idx_89740_primary PRIMARY KEY (id)
    )
    """,
    "ALTER SEQUENCE stats_summary_id_seq OWNED BY stats_summary.id",
)
# AUTOINCREMENT: the id of an archived row must not be reused.
_SQLITE = (
    """
    CREATE TABLE stats_summary (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        cdn_name TEXT NOT NULL DEFAULT 'all',
        deliveryservice_name TEXT NOT NULL,
        stat_name TEXT NOT NULL,
        stat_value DOUBLE NOT NULL,
        summary_time DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
        stat_date DATE
    )
    """,
)
_EXPECTED = {
    "postgresql": {
        "id": "bigint not null key",
        "cdn_name": "text not null default 'all'::text",
        "deliveryservice_name": "text not null",
        "stat_name": "text not null",
        "stat_value": "double precision not null",
        "summary_time": "timestamp with time zone not null default now()",
        "stat_date": "date",
    },
    "sqlite": {
        "id": "INTEGER not null key",
        "cdn_name": "TEXT not null default 'all'",
        "deliveryservice_name": "TEXT not null",
        "stat_name": "TEXT not null",
        "stat_value": "DOUBLE not null",
        "summary_time": "DATETIME not null default CURRENT_TIMESTAMP",
        "stat_date": "DATE",
    },
}
# The default of the key is not compared: it names the sequence, and how depends on the search path.
_COLUMNS = {
    "postgresql": """
        SELECT a.attname AS name,
               format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
               || CASE WHEN k.conkey = ARRAY[a.attnum] THEN ' key'
                       ELSE coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') END AS shape
        FROM pg_attribute a
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'p'
        WHERE a.attrelid = to_regclass('stats_summary') AND a.attnum > 0 AND NOT a.attisdropped
    """,
    "sqlite": """
        SELECT name,
               type || CASE WHEN "notnull" THEN ' not null' ELSE '' END
               || CASE WHEN pk THEN ' key' ELSE coalesce(' default ' || dflt_value, '') END AS shape
        FROM pragma_table_info('stats_summary')
    """,
}


def upgrade() -> None:
    """Keep stats_summary if it exists and has the expected columns; otherwise create it."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    found = {column.name: column.shape for column in connection.execute(text(_COLUMNS[dialect]))}
    if found:
        _refuse_another_shape(found, _EXPECTED[dialect])
        if dialect == "postgresql":
            _refuse_what_we_may_not_change(connection)
        return
    for statement in _POSTGRESQL if dialect == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    """Keep the table and its rows."""


def _refuse_another_shape(found: dict[str, str], expected: dict[str, str]) -> None:
    differences = [
        f"{name} is {found.get(name, 'missing')} instead of {expected.get(name, 'missing')}"
        for name in {**expected, **found}
        if found.get(name) != expected.get(name)
    ]
    if differences:
        raise CommandError(
            "the database has a stats_summary of another shape than Traffic Ops' (versions 3.0 to 5.0 of its"
            f" API), and it was left as it is: {'; '.join(differences)}"
        )


def _refuse_what_we_may_not_change(connection: Connection) -> None:
    kind, owner, may = connection.execute(
        text(
            "SELECT relkind, pg_get_userbyid(relowner), pg_has_role(relowner, 'USAGE')"
            " FROM pg_class WHERE oid = to_regclass('stats_summary')"
        )
    ).one()
    if kind != "r":
        raise CommandError("stats_summary is no plain table, and it was left as it is")
    if not may:
        raise CommandError(
            f"stats_summary belongs to the role {owner}: only that role can give it an index;"
            f" connect as {owner}, or as a member of it"
        )
