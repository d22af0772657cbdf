"""The API described by itself: the OpenAPI document and the page that shows it."""
