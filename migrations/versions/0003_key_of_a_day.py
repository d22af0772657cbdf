"""Let there be one row a (cdn, delivery service, stat, date): the key that exactly-once needs.

Writers are not blocked meanwhile, so one may add a duplicate between the look for duplicates and the key:
then both are done again.
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
    """Make the key."""
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
    """Let there be duplicates again."""
    indexes.drop(_NAME)
