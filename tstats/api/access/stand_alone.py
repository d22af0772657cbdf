"""Access without Traffic Ops: tokens of our own, or everybody on this machine; all see everything."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from tstats.api.access import credential
from tstats.api.access.access import Caller, Denied
from tstats.api.access.origin import is_cross_site, is_for_loopback
from tstats.api.access.recorded_names import TaggedNames
from tstats.api.access.token_file import FollowedTokens
from tstats.command import logs
from tstats.errors import TokenError

Identify = Callable[[Mapping[str, str]], Caller]

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_UNAVAILABLE = 503


class StandAloneAccess:
    """An `Access`: who asks is decided here, and what exists is what InfluxDB has points of.

    Args:
        identify: the caller by the headers of a request; raises `Denied`.
        names: the CDNs and delivery services.
    """

    def __init__(self, identify: Identify, names: TaggedNames) -> None:
        self._identify = identify
        self._names = names

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who asks; see `Access.caller`."""
        return self._identify(headers)

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Whether there are points of this CDN."""
        del caller  # all see everything
        return name in await self._names.cdns()

    async def cdns(self, caller: Caller) -> list[str]:
        """The CDNs that there are points of, in the order of their names."""
        del caller  # all see everything
        return sorted(await self._names.cdns())

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """The xmlId, where there are points of this delivery service; ids are known to Traffic Ops only."""
        del caller  # all see everything
        wanted = name or id_or_name
        return wanted if wanted and wanted in await self._names.delivery_services() else None

    async def aclose(self) -> None:
        """End what is being asked."""
        await self._names.aclose()


def by_token(tokens: FollowedTokens, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Identify:
    """Who has a good token; what is written needs one that may."""

    def identify(headers: Mapping[str, str]) -> Caller:
        given = credential.bearer(headers)
        if given is None:
            raise Denied(_UNAUTHORIZED, "unauthorized: a token is needed, as Authorization: Bearer tst_…")
        try:
            found = tokens.find(given)
        except TokenError as error:
            logs.get("api").error("tokens_cannot_be_read", error=str(error))
            raise Denied(_UNAVAILABLE, "The tokens cannot be read at this moment.") from None
        # One text for all: what a token was is nobody's business who has it no longer.
        if found is None or found.state(now()) != "active":
            raise Denied(_UNAUTHORIZED, "unauthorized: this token is not, or no longer, good.")
        return Caller(name=found.name, may_write=found.write, credential=given)

    return identify


def everybody(headers: Mapping[str, str]) -> Caller:
    """Whoever reaches us on loopback; a page of another site may neither read nor write."""
    if not is_for_loopback(headers):
        raise Denied(
            _FORBIDDEN, "Without authentication only requests to localhost or 127.0.0.1 are answered."
        )
    return Caller(name="anonymous", may_write=not is_cross_site(headers))
