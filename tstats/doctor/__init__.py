"""`tstats doctor`: examines an installation and names a remedy for each fault."""
