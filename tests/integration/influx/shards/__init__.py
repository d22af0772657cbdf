"""Tests of influx.shards against real servers."""
