"""Alembic migrations of the SQL database. A revision is frozen in time: it imports nothing of tstats."""
