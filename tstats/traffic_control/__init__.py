"""Clients of Traffic Ops and Traffic Monitor, and the inventory that Traffic Ops keeps."""
