"""What all HTTP clients share: bounded requests, retries and clear errors."""
