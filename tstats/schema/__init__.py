"""The schema of an InfluxDB: the wanted one, the live one, and the changes between them."""
