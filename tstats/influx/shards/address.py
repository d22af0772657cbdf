"""Addresses of backup ports."""

import re
from dataclasses import dataclass

from tstats.errors import ConfigError

_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]/@\s]+)):(?P<port>[0-9]{1,5})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class BackupAddress:
    """The host and port of a backup port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "BackupAddress":
        """Return the address that `HOST:PORT` or `[IPv6]:PORT` names.

        Raises:
            ConfigError: it is neither.
        """
        match = _ADDRESS.fullmatch(text)
        if not match or not 0 < int(match["port"]) < 1 << 16:
            raise ConfigError(f"invalid backup address {text!r}; write localhost:8088 or [::1]:8088")
        return cls(match["six"] or match["host"], int(match["port"]))
