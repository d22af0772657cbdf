"""InfluxDB 1.x: clients, InfluxQL, line protocol and rows."""
