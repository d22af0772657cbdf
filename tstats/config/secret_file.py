"""Passwords and tokens that are kept in files of their own."""

from pathlib import Path

from tstats.core.secret import Secret
from tstats.errors import ConfigError


def read_secret(file: Path) -> Secret:
    """Return the secret in the first line of a file.

    Raises:
        ConfigError: the file cannot be read, or its first line is empty.
    """
    try:
        with file.open(encoding="utf-8") as lines:
            secret = lines.readline().rstrip("\n")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text: {error.reason}") from error
    if not secret:
        raise ConfigError(f"the first line of {file} is empty")
    return Secret(secret)
