"""API tokens: their format, what is stored of them, and their state."""

import hashlib
import re
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

from tstats.core.secret import Secret

PREFIX = "tst_"  # so that scanners for leaked secrets recognize it
RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_LIFETIME = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

TokenState = Literal["active", "expired", "revoked"]


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of a token.

    Attributes:
        name: who or what it was made for.
        digest: its SHA-256, in hexadecimal digits. The token is 256 random bits: a slow hash or a salt would
            protect nothing that can be guessed.
        created: when it was made.
        write: whether it may record summaries.
        expires: None for never.
        revoked: None if it was not.
    """

    name: str
    digest: str
    created: datetime
    write: bool = False
    expires: datetime | None = None
    revoked: datetime | None = None

    def state(self, now: datetime) -> TokenState:
        """Return its state at a time."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "active"


def from_random(random: bytes) -> Secret:
    """Return the token made from `RANDOM_BYTES` random bytes."""
    return Secret(PREFIX + urlsafe_b64encode(random).rstrip(b"=").decode())


def digest(token: Secret) -> str:
    """Return what is stored in place of a token."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def is_name(text: str) -> bool:
    """Return whether a token can have this name."""
    return _NAME.fullmatch(text) is not None


def expiry(text: str, now: datetime) -> datetime | None:
    """Return when a token made now expires, by its lifetime: `90d`, `12h`, `6w`; None for `never`.

    Raises:
        ValueError: the lifetime is invalid.
    """
    if text == "never":
        return None
    match = _LIFETIME.fullmatch(text)
    if match is None:
        raise ValueError(f"invalid lifetime {text!r}; write 90d, 12h, 6w or never")
    try:
        return (now + int(match[1]) * _UNITS[match[2]]).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"invalid lifetime {text!r}: it ends after the year 9999") from None
