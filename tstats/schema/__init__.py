"""The schema of an InfluxDB: what it should be, what it is, and what has to change."""
