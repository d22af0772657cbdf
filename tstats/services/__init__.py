"""Use cases, one a module; stores and clock are passed in."""
