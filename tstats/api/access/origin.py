"""Where a request comes from: a page of another site may not write in the name of who looks at it."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of another origin sends this.

    Browsers say so with each request that can change something; what is no browser sends neither header, and
    has no cookies of others either.
    """
    fetched = headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and _authority(origin) != headers.get("host", "").lower()


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own: `localhost`, 127.0.0.0/8 or ::1."""
    host = host.strip("[]").removesuffix(".").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_for_loopback(headers: Mapping[str, str]) -> bool:
    """Whether the Host of a request is loopback, or missing.

    A name that an attacker lets point to 127.0.0.1 makes a browser send requests here; the name tells.
    """
    host = headers.get("host")
    if not host:
        return True
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
