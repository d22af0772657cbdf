"""Tests of influx.shards."""
