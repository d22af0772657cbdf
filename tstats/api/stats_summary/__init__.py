"""GET and POST stats_summary."""
