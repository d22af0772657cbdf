"""A Traffic Ops and its Traffic Monitors in a single process: for the demo and the tests, never for users.

`World` says what exists, `traffic` how much flows, and `Simulator` serves it on loopback.
"""
