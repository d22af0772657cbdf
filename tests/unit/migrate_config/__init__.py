"""Tests of migrate_config."""
