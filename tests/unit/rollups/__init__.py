"""Unit tests of rollups."""
