"""Alembic's migrations of the SQL database. A revision is frozen in time: it uses nothing of tstats."""
