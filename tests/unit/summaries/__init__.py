"""Unit tests of summaries."""
