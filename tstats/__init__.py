"""Statistics of Apache Traffic Control CDNs: collected, rolled up, synced and served from InfluxDB 1.x."""

__version__ = "0.1.0"
