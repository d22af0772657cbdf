"""The configuration: every key with its type, bounds and default, and how a file becomes settings."""
