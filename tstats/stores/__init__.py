"""The systems around us, one a module."""
