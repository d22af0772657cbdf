"""`tstats collect`: schedule, signals, reloads, and the upkeep of rollups and summaries."""
