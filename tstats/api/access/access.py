"""Who may ask, and what a caller may see: the protocol that the handlers use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tstats.core.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks.

    Attributes:
        name: as the log shows it.
        may_write: whether a summary may be recorded.
        credential: what proves the caller to whoever decides on tenancy; never shown.
    """

    name: str
    may_write: bool = False
    credential: Secret = field(default_factory=Secret)


class Denied(Exception):  # noqa: N818 (an answer, not a fault)
    """The request is answered with an alert of this text.

    Attributes:
        status: of the answer: 401 for no good session, 403 for a missing right, 503 while nobody can tell.
        text: of the alert.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Access(Protocol):
    """Decides on sessions and tenancy; every method may raise `Denied`."""

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who asks, by the headers of the request, whose names are found in any letter case.

        Raises:
            Denied: 401 without a good session, 503 when that cannot be known now.
        """
        ...

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Whether a CDN of this name exists."""
        ...

    async def cdns(self, caller: Caller) -> list[str]:
        """The names of all CDNs."""
        ...

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """The xmlId of a delivery service that the caller may see; None when there is none.

        Args:
            caller: who asks.
            name: its xmlId; it wins when both are given.
            id_or_name: its id, or its xmlId.
        """
        ...

    async def aclose(self) -> None:
        """Give connections back."""
        ...
