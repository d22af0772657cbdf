"""The SQL database on real servers."""
