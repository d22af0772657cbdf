"""Statements about the health of an InfluxDB: its settings, its counters, its newest points."""

from tstats.influx.influxql import identifier, select


def show_diagnostics() -> str:
    """SHOW DIAGNOSTICS: a series with a single row for each part of the server, with its settings."""
    return "SHOW DIAGNOSTICS"


def show_stats() -> str:
    """SHOW STATS: counters since the server's start, a series with a single row for each part of it."""
    return "SHOW STATS"


def newest_of_each(database: str, policy: str, *, start: int, end: int) -> str:
    """SELECT of the newest row of each measurement of a retention policy, with all its fields.

    >>> newest_of_each("cache_stats", "daily", start=0, end=9)
    'SELECT *::field FROM cache_stats.daily./.*/ WHERE time >= 0 AND time < 9 ORDER BY time DESC LIMIT 1'

    Args:
        database: where.
        policy: in which of its policies.
        start: of the half-open window, in ns since the epoch.
        end: of the window.
    """
    origin = f"{identifier(database)}.{identifier(policy)}./.*/"
    return select(["*::field"], origin, start=start, end=end, limit=1, newest=True)
