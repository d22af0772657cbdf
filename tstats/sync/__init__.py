"""Sync: makes two InfluxDBs hold the same points."""
