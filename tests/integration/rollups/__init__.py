"""Rollups on real servers."""
