"""Add the unique key (cdn, delivery service, stat, date), which exactly-once summaries need.

Writers are not blocked, so one may add a duplicate after the others were archived and before the key exists:
then both steps are repeated.
"""

from alembic import op
from alembic.util import CommandError
from sqlalchemy.exc import IntegrityError

from migrations import indexes
from migrations.stats_summary import archive_duplicates

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = "tstats_stats_summary_day"
_ON = "stats_summary (cdn_name, deliveryservice_name, stat_name, stat_date) WHERE stat_date IS NOT NULL"
_ATTEMPTS = 5


def upgrade() -> None:
    """Create the key."""
    for _ in range(_ATTEMPTS):
        archive_duplicates(op.get_bind())
        try:
            indexes.create(_NAME, _ON, unique=True)
        except IntegrityError:
            continue
        return
    raise CommandError(
        f"stats_summary got a new duplicate during each of {_ATTEMPTS} attempts at its key: stop what writes"
        " it (Go's traffic_stats) and run this again"
    )


def downgrade() -> None:
    """Drop the key, which allows duplicates again."""
    indexes.drop(_NAME)
