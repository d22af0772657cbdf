"""Add an index that finds the last summary_time of a stat without reading the whole table."""

from migrations import indexes

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME = "tstats_stats_summary_last"


def upgrade() -> None:
    """Create the index."""
    indexes.create(_NAME, "stats_summary (stat_name, summary_time)")


def downgrade() -> None:
    """Drop the index."""
    indexes.drop(_NAME)
