"""Negotiation of the timestamps in a response by the header Accept, decided as Traffic Ops does.

Traffic Ops offers two forms, `application/json; timestamp=rfc` and `…=unix`. It follows rules of its own
rather than those of RFC 9110: a quality of 0 does not exclude a form, of equally good ones the last listed
wins, and an invalid header counts as a missing one.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Timestamps = Literal["rfc", "unix"]
"""How times are written: RFC 3339, or integer nanoseconds since the epoch."""

_TOKEN = r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+"  # noqa: S105 (a token of RFC 9110)
_MEDIA_TYPE = re.compile(rf"\s*({_TOKEN})(?:/({_TOKEN}))?\s*(?=;|\Z)")
_PARAMETER = re.compile(rf'\s*;\s*({_TOKEN})\s*=\s*({_TOKEN}|"(?:[^"\\\r\n]|\\.)*")')
_END = re.compile(r"\s*;?\s*\Z")
_ESCAPED = re.compile(r"\\([()<>@,;:\\\"/\[\]?=])")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MAX_LENGTH = 4_096


class _InvalidAcceptError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _MediaRange:
    """An element of the header."""

    kind: str
    subtype: str
    parameters: dict[str, str]

    @property
    def rank(self) -> tuple[float, int, int]:
        """The quality, then how specific it is; higher ranks come first."""
        quality = self.parameters.get("q", "1")
        specificity = 2 if self.subtype != "*" else int(self.kind != "*")
        return (float(quality) if _NUMBER.fullmatch(quality) else 1.0, specificity, len(self.parameters))

    def accepts(self, timestamps: Timestamps) -> bool:
        """Return whether a response with these timestamps is acceptable."""
        if self.subtype == "*" and self.kind in ("*", "application"):
            return True
        if (self.kind, self.subtype) != ("application", "json"):
            return False
        wanted = {name: value for name, value in self.parameters.items() if name != "q"}
        return all(name == "timestamp" and value == timestamps for name, value in wanted.items())


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Timestamps | None:
    """Return the form of timestamps that a caller wants; None if it accepts neither.

    >>> negotiate("text/html, application/json;timestamp=unix;q=0.5"), negotiate("text/html")
    ('unix', None)
    >>> negotiate(""), negotiate("*/*"), negotiate("no media type at all")
    ('rfc', 'rfc', 'rfc')
    """
    if not accept or len(accept) > _MAX_LENGTH:
        return "rfc"
    try:
        ranges = [_parse(element) for element in accept.split(",")]
    except _InvalidAcceptError:
        return "rfc"
    ranges.reverse()  # sorting is stable: of equal ranks, the last listed comes first
    for media_range in sorted(ranges, key=lambda item: item.rank, reverse=True):
        if media_range.accepts("rfc"):
            return "rfc"
        if media_range.accepts("unix"):
            return "unix"
    return None


def _parse(element: str) -> _MediaRange:
    match = _MEDIA_TYPE.match(element)
    if match is None:
        raise _InvalidAcceptError
    kind, subtype = match[1].lower(), (match[2] or "").lower()
    parameters: dict[str, str] = {}
    position = match.end()
    while found := _PARAMETER.match(element, position):
        name, value = found[1].lower(), found[2]
        if value.startswith('"'):
            value = _ESCAPED.sub(r"\1", value[1:-1])
        if parameters.setdefault(name, value) != value:
            raise _InvalidAcceptError
        position = found.end()
    if not _END.match(element, position):
        raise _InvalidAcceptError
    return _MediaRange(kind=kind, subtype=subtype, parameters=parameters)
