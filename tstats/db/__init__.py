"""The SQL database of the daily summaries: connections and migrations."""
