"""Which form of an answer a caller wants, by the header Accept, decided as Traffic Ops decides it.

Traffic Ops' answers come in two forms, `application/json; timestamp=rfc` and `…=unix`. Its rules are its own
rather than those of RFC 9110: a quality of 0 does not exclude, of equals the last listed wins, and a header
that cannot be read is one that is not there.
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
_LONGEST = 4_096


class _UnreadableError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    """One element of the header."""

    kind: str
    subtype: str
    parameters: dict[str, str]

    @property
    def rank(self) -> tuple[float, int, int]:
        """Its quality, then how exact it is; more comes first."""
        quality = self.parameters.get("q", "1")
        exactness = 2 if self.subtype != "*" else int(self.kind != "*")
        return (float(quality) if _NUMBER.fullmatch(quality) else 1.0, exactness, len(self.parameters))

    def takes(self, timestamps: Timestamps) -> bool:
        """Whether an answer with these timestamps is one of what it names."""
        if self.subtype == "*" and self.kind in ("*", "application"):
            return True
        if (self.kind, self.subtype) != ("application", "json"):
            return False
        wanted = {name: value for name, value in self.parameters.items() if name != "q"}
        return all(name == "timestamp" and value == timestamps for name, value in wanted.items())


@lru_cache(maxsize=256)
def negotiated(accept: str) -> Timestamps | None:
    """The form that a caller wants; None when it wants none of ours.

    >>> negotiated("text/html, application/json;timestamp=unix;q=0.5"), negotiated("text/html")
    ('unix', None)
    >>> negotiated(""), negotiated("*/*"), negotiated("no media type at all")
    ('rfc', 'rfc', 'rfc')
    """
    if not accept or len(accept) > _LONGEST:
        return "rfc"
    try:
        ranges = [_parsed(element) for element in accept.split(",")]
    except _UnreadableError:
        return "rfc"
    ranges.reverse()  # sorting keeps the order of equals: the last listed comes first
    for each in sorted(ranges, key=lambda one: one.rank, reverse=True):
        if each.takes("rfc"):
            return "rfc"
        if each.takes("unix"):
            return "unix"
    return None


def _parsed(element: str) -> _Range:
    match = _MEDIA_TYPE.match(element)
    if match is None:
        raise _UnreadableError
    kind, subtype = match[1].lower(), (match[2] or "").lower()
    parameters: dict[str, str] = {}
    position = match.end()
    while found := _PARAMETER.match(element, position):
        name, value = found[1].lower(), found[2]
        if value.startswith('"'):
            value = _ESCAPED.sub(r"\1", value[1:-1])
        if parameters.setdefault(name, value) != value:
            raise _UnreadableError
        position = found.end()
    if not _END.match(element, position):
        raise _UnreadableError
    return _Range(kind=kind, subtype=subtype, parameters=parameters)
