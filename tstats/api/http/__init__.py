"""The HTTP side of the API: the ASGI application, its server processes, and what all responses share."""
