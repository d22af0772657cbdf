"""Daily summaries: the traffic of a finished day, in InfluxDB and in SQL."""
