"""Who is calling, and what a caller may see: the protocol that the handlers use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tstats.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller.

    Attributes:
        name: the name to show in the log.
        may_write: whether the caller may record summaries.
        credential: what proves the caller's identity to whoever decides on tenancy; never shown.
    """

    name: str
    may_write: bool = False
    credential: Secret = field(default_factory=Secret)


class Access(Protocol):
    """Decides on authentication and tenancy.

    Every method may raise a `Problem`: 401 without a valid session, 403 for a missing permission, 503 while
    neither can be checked.
    """

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller of a request, by its headers, whose names are looked up in any letter case.

        Raises:
            Problem: 401 without a valid session, 503 when it cannot be checked right now.
        """
        ...

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Return whether a CDN of this name exists."""
        ...

    async def cdns(self, caller: Caller) -> list[str]:
        """Return the names of all CDNs."""
        ...

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """Return the xmlId of a delivery service that the caller may see; None if there is none.

        Args:
            caller: the caller.
            name: its xmlId; takes precedence.
            id_or_name: its id or its xmlId.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
