"""The HTTP API: Traffic Ops' statistics routes, served from InfluxDB and the SQL database."""
