"""What to do when a server does not let a tool in, or not far enough.

An error holds the server's address and its own words. Which of the tool's servers that is, which options
concern it, and which right its user lacks is added here, where the options are known.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tstats.influx.command_options import credentials_hint
from tstats.influx.influxql import identifier

# The first entry whose words are in the error applies.
_TLS = {
    "mismatch, certificate is not valid": "use the name that the certificate is for",
    "certificate verify failed": "--ca-cert FILE trusts the certificates in FILE, --insecure trusts any",
    "no TLS connection": "if it does not speak https, write http:// in its URL",
}
_UNSEEN = "has no database"
_LACKING = re.compile(
    rf'(?:requires (?:READ|WRITE) on |not authorized to write to database "|{_UNSEEN} )(?P<database>\w+)'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServer:
    """A server that a tool works with.

    Attributes:
        prefix: of its options, such as `source`; empty for the only server.
        url: as errors name it.
        user: the tool's user there; empty without authentication.
        writes: whether the tool writes there, too.
    """

    prefix: str = ""
    url: str
    user: str = ""
    writes: bool = False


def with_remedy(error: str, servers: Iterable[ToolServer]) -> str:
    """Return the error with its remedy appended, or the error alone where no remedy is known.

    Args:
        error: contains the address of the server that it comes from.
        servers: the servers that it may come from.
    """
    for server in servers:
        if re.search(rf"{re.escape(server.url)}(?=[/:\s])", error):
            remedy = _remedy(error, server)
            place = f"at the {server.prefix}: " if server.prefix else ""
            return error if remedy is None else f"{error}; {place}{remedy}"
    return error


def _remedy(error: str, server: ToolServer) -> str | None:
    if "refused with 401" in error:
        return f"check {credentials_hint(server.prefix)}"
    if "requires admin privilege" in error:
        without = "; once the schema exists, --no-schema works without one" if server.prefix else ""
        return f"only an administrator may do this{without}"
    if lacking := server.user and _LACKING.search(error):
        right = "ALL" if server.writes else "READ"
        unseen = "a user sees only the databases that it may read; " if _UNSEEN in error else ""
        grant = f"GRANT {right} ON {lacking['database']} TO {identifier(server.user)}"
        return f"{unseen}an administrator can allow it: {grant}"
    return next((remedy for words, remedy in _TLS.items() if words in error), None)
