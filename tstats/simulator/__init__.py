"""A Traffic Ops and its Traffic Monitors in one process: for the demo and for tests, never for users.

`World` says what exists, `traffic` how much flows, `Simulator` serves it on loopback.
"""
