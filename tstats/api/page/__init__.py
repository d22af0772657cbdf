"""The web page: its files, and the routes that only the page uses."""
