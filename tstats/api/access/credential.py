"""The proof of a session in a request: Traffic Ops' two cookies and the Bearer token, and nothing else.

Invalid values are left out, so that nobody has to be asked about them and no other header can be smuggled in.
"""

import re
from collections.abc import Mapping

from tstats.core.secret import Secret

COOKIES = ("mojolicious", "access_token")
_MAX_CHARACTERS = 8192  # browsers limit a cookie to 4096; a signed token may be longer
_COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]+")  # RFC 6265
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # RFC 6750


def session(headers: Mapping[str, str]) -> Secret | None:
    r"""Return the header lines that prove a session, in a fixed order; None if there are none.

    >>> session({"cookie": "theme=dark; mojolicious=abc", "authorization": "bearer x.y"}).reveal()
    'Cookie: mojolicious=abc\nAuthorization: Bearer x.y'
    """
    lines = []
    values = _session_cookies(headers.get("cookie", ""))
    cookies = [f"{name}={values[name]}" for name in COOKIES if name in values]
    if cookies:
        lines.append(f"Cookie: {'; '.join(cookies)}")
    token = bearer(headers)
    if token:
        lines.append(f"Authorization: Bearer {token.reveal()}")
    return Secret("\n".join(lines)) if lines else None


def bearer(headers: Mapping[str, str]) -> Secret | None:
    """Return the token of `Authorization: Bearer …`; None if it is missing or invalid."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip()
    valid = scheme.lower() == "bearer" and len(token) <= _MAX_CHARACTERS and _TOKEN.fullmatch(token)
    return Secret(token) if valid else None


def as_headers(proof: Secret) -> dict[str, str]:
    """Return the result of `session` as headers to send."""
    return dict(line.split(": ", 1) for line in proof.reveal().splitlines())


def _session_cookies(header: str) -> dict[str, str]:
    """Return the cookies of a session; of a repeated name the first, which has the longest path."""
    found: dict[str, str] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip().partition("=")
        value = value.strip().removeprefix('"').removesuffix('"')
        if (
            name in COOKIES
            and name not in found
            and len(value) <= _MAX_CHARACTERS
            and _COOKIE_VALUE.fullmatch(value)
        ):
            found[name] = value
    return found
