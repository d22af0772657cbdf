"""InfluxDB's UDP listener, for Go's `udp://` URLs: nothing is acknowledged, so what is sent may be lost."""

import errno
import socket
from urllib.parse import urlsplit

from tstats.errors import ConfigError, RefusedError, UnreachableError

_DATAGRAM = 1400  # bytes: what passes an Ethernet without being cut in two
_TOO_LARGE = 413  # what an InfluxDB says over HTTP
_TO_NANOSECONDS = {"ns": b"", "u": b"000", "ms": b"000000", "s": b"000000000"}


class UdpInflux:
    """Sends lines to one UDP listener; the listener's own settings name the database.

    Args:
        url: `udp://host:port`.

    Raises:
        ConfigError: no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "udp" or not parts.hostname or parts.port is None:
            raise ConfigError(f"no URL of a UDP listener: {url!r}; one looks like udp://localhost:8089")
        self.url = url
        self._address = (parts.hostname, parts.port)

    def close(self) -> None:
        """Do nothing: no connection is held open."""

    def write(self, lines: bytes, *, database: str, policy: str | None, precision: str) -> None:
        """Send the lines, several per datagram, with times in ns (a listener's default precision).

        Raises:
            UnreachableError: the name does not resolve, or the system cannot send.
            RefusedError: a line is longer than a datagram can be; status 413.
        """
        del database, policy
        zeros = _TO_NANOSECONDS[precision]
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as sender:
                datagram = b""
                for line in lines.split(b"\n"):
                    stamped = line + zeros + b"\n"
                    if datagram and len(datagram) + len(stamped) > _DATAGRAM:
                        sender.sendto(datagram, address)
                        datagram = b""
                    datagram += stamped
                sender.sendto(datagram, address)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                raise RefusedError(
                    f"{self.url}: a line is longer than a datagram can be", status=_TOO_LARGE
                ) from error
            raise UnreachableError(f"{self.url} cannot be sent to: {error}") from error
