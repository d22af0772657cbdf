"""Daily summaries: the traffic of finished days, computed in InfluxDB and recorded there and in SQL."""
