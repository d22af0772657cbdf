"""The SQL database of the daily summaries: connections, locks, tables and migrations."""
