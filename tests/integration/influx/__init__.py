"""Tests of influx."""
