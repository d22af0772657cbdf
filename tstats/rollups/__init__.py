"""Rollups: which are missing or wrong, and computing them again."""
