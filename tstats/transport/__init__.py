"""HTTP as all of our clients use it: sessions, retries, bounds and clear errors."""
