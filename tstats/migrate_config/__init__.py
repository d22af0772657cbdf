"""`tstats migrate-config`: what changes for a file of Go's traffic_stats."""
