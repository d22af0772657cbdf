"""The dashboards, one per module."""
