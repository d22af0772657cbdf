"""The API's own tokens: how one looks, what is kept of it, and what it may do when."""

import hashlib
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from tstats.core.secret import Secret

PREFIX = "tst_"  # so that a scanner of leaked secrets finds them
RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_EXPIRES = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

State = Literal["active", "expired", "revoked"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a token.

    Attributes:
        name: who or what it was made for.
        digest: its SHA-256, in hexadecimal digits. The token is 256 random bits: there is nothing to guess
            that a slow hash or a salt would make harder.
        write: whether it may record summaries.
        expires: None for never.
        revoked: None while it was not.
    """

    name: str
    digest: str
    created: datetime
    write: bool = False
    expires: datetime | None = None
    revoked: datetime | None = None

    def state(self, now: datetime) -> State:
        """What it is now."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "active"


def of(random: bytes) -> Secret:
    """The token that is made of `RANDOM_BYTES` bytes, which nobody else can know."""
    return Secret(PREFIX + urlsafe_b64encode(random).rstrip(b"=").decode())


def digest(token: Secret) -> str:
    """What is kept in place of a token."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def is_name(text: str) -> bool:
    """Whether a token can have this name."""
    return _NAME.fullmatch(text) is not None


def expiry(text: str, now: datetime) -> datetime | None:
    """When a token ends that is made now to last for `text`: `90d`, `12h`, `6w`; None for `never`.

    Raises:
        ValueError: it is none of these.
    """
    if text == "never":
        return None
    match = _EXPIRES.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time such as 90d, 12h or 6w, and not never")
    try:
        return (now + int(match[1]) * _UNITS[match[2]]).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} ends after the last year that there is") from None
