"""Tests of shard."""
