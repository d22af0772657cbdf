"""Move duplicates from stats_summary to an archive.

Of the rows with the same (cdn, delivery service, stat, date) the newest stays. The others move, unchanged, to
an archive that records when and why. Downgrading brings each of them back, with its id.
"""

from alembic import op

from migrations.stats_summary import COLUMNS, archive_duplicates

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TYPES = {
    "postgresql": {
        "id": "bigint NOT NULL CONSTRAINT tstats_archived_summary_key PRIMARY KEY",
        "value": "double precision",
        "moment": "timestamp with time zone",
        "now": "now()",
    },
    "sqlite": {
        "id": "INTEGER NOT NULL PRIMARY KEY",
        "value": "DOUBLE",
        "moment": "DATETIME",
        "now": "CURRENT_TIMESTAMP",
    },
}
_ARCHIVE = """
    CREATE TABLE tstats_archived_summary (
        id {id},
        cdn_name text NOT NULL,
        deliveryservice_name text NOT NULL,
        stat_name text NOT NULL,
        stat_value {value} NOT NULL,
        summary_time {moment} NOT NULL,
        stat_date date,
        archived_at {moment} NOT NULL DEFAULT {now},
        reason text NOT NULL
    )
"""


def upgrade() -> None:
    """Create the archive and fill it."""
    op.execute(_ARCHIVE.format(**_TYPES[op.get_context().dialect.name]))
    moved = archive_duplicates(op.get_bind())
    config = op.get_context().config
    if config is not None:
        config.print_stdout("%d duplicates archived", moved)


def downgrade() -> None:
    """Bring every row back."""
    # A killed attempt at the key may have left it behind: invalid, but still rejecting duplicates.
    op.execute("DROP INDEX IF EXISTS tstats_stats_summary_day")
    op.execute(f"INSERT INTO stats_summary ({COLUMNS}) SELECT {COLUMNS} FROM tstats_archived_summary")
    op.execute("DROP TABLE tstats_archived_summary")
