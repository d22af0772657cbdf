"""Rollups: finding what is missing or stale in them, and recomputing it."""
