"""What a request proves a session with: Traffic Ops' two cookies and the Bearer token, and nothing else.

What cannot be any of these is left out, so that nobody else has to be asked about it, and so that no other
header can be smuggled in.
"""

import re
from collections.abc import Mapping

from tstats.core.secret import Secret

COOKIES = ("mojolicious", "access_token")
_MOST_CHARACTERS = 8192  # a browser keeps 4096 of a cookie; a token is one with a signature
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")  # RFC 6265
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750


def session(headers: Mapping[str, str]) -> Secret | None:
    r"""The header lines of a request that its session is made of, in one order; None where there is none.

    >>> session({"cookie": "theme=dark; mojolicious=abc", "authorization": "bearer x.y"}).reveal()
    'Cookie: mojolicious=abc\nAuthorization: Bearer x.y'
    """
    lines = []
    given = _cookies(headers.get("cookie", ""))
    cookies = [f"{name}={given[name]}" for name in COOKIES if name in given]
    if cookies:
        lines.append(f"Cookie: {'; '.join(cookies)}")
    token = bearer(headers)
    if token:
        lines.append(f"Authorization: Bearer {token.reveal()}")
    return Secret("\n".join(lines)) if lines else None


def bearer(headers: Mapping[str, str]) -> Secret | None:
    """The token of `Authorization: Bearer …`, None where there is none that could be one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    good = scheme.lower() == "bearer" and len(token) <= _MOST_CHARACTERS and _TOKEN.fullmatch(token)
    return Secret(token) if good else None


def as_headers(proof: Secret) -> dict[str, str]:
    """The headers that `session` gave, to send them."""
    return dict(line.split(": ", 1) for line in proof.reveal().splitlines())


def _cookies(header: str) -> dict[str, str]:
    """The cookies of a session; of equal names the first, which has the longest path."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        value = value.strip().removeprefix('"').removesuffix('"')
        if (
            name in COOKIES
            and name not in found
            and len(value) <= _MOST_CHARACTERS
            and _COOKIE_VALUE.fullmatch(value)
        ):
            found[name] = value
    return found
