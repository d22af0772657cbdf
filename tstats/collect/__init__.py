"""The collector: it polls Traffic Monitors, spools their stats on disk, and publishes them to InfluxDB."""
