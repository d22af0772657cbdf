"""Tests of traffic_control."""
