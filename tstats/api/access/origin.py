"""Where a request comes from: a page of another site may not write on behalf of the user who visits it."""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def is_cross_site(headers: Mapping[str, str]) -> bool:
    """Return whether a browser says that a page of another origin sent the request.

    Browsers say so with every request that can change something. Other clients send neither header, and have
    no cookies of somebody else either.
    """
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and _authority(origin) != headers.get("host", "").lower()


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    host = host.strip("[]").removesuffix(".").lower()
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_for_loopback(headers: Mapping[str, str]) -> bool:
    """Return whether the Host of a request is loopback, or missing.

    An attacker can point a name of their own to 127.0.0.1, so that a visitor's browser sends requests here
    (DNS rebinding); the Host still holds that name.
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
