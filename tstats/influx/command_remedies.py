"""What to do when a server does not let a tool in, or not far enough.

An error holds the server's address and its own words. Which server of the tool that is, which options speak
of it, and which right its user lacks is added here, where the options are known.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tstats.influx.command_options import credentials_hint
from tstats.influx.influxql import identifier

# The first whose words are in the error.
_TLS = {
    "mismatch, certificate is not valid": "use the name that the certificate is for",
    "certificate verify failed": "--ca-cert FILE trusts the certificates in FILE, --insecure trusts any",
    "no TLS connection": "does it speak https? Else its URL begins with http://",
}
_UNSEEN = "has no database"
_LACKING = re.compile(
    rf'(?:requires (?:READ|WRITE) on |not authorized to write to database "|{_UNSEEN} )(?P<database>\w+)'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A server of a tool.

    Attributes:
        prefix: of its options, such as `source`; empty for the only server.
        url: as errors name it.
        user: who the tool is there; empty for nobody.
        writes: whether the tool is to write there, too.
    """

    prefix: str = ""
    url: str
    user: str = ""
    writes: bool = False


def with_remedy(error: str, sides: Iterable[Side]) -> str:
    """The error, and behind it what to do about it; the error alone where nothing is known to help.

    Args:
        error: with the address of the server that it comes from.
        sides: the servers that it may come from.
    """
    for side in sides:
        if re.search(rf"{re.escape(side.url)}(?=[/:\s])", error):
            remedy = _remedy(error, side)
            place = f"at the {side.prefix}: " if side.prefix else ""
            return error if remedy is None else f"{error}; {place}{remedy}"
    return error


def _remedy(error: str, side: Side) -> str | None:
    if "refused with 401" in error:
        return f"check {credentials_hint(side.prefix)}"
    if "requires admin privilege" in error:
        without = "; once the schema is there, --no-schema needs no such user" if side.prefix else ""
        return f"only an administrator may do this{without}"
    if lacking := side.user and _LACKING.search(error):
        right = "ALL" if side.writes else "READ"
        unseen = "a user sees only what it may read; " if _UNSEEN in error else ""
        grant = f"GRANT {right} ON {lacking['database']} TO {identifier(side.user)}"
        return f"{unseen}an administrator can allow it: {grant}"
    return next((remedy for words, remedy in _TLS.items() if words in error), None)
