"""The commands of the InfluxDB tools: thin entry points over tstats."""
