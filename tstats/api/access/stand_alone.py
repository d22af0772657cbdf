"""Access without Traffic Ops: by tokens, or for everybody on this machine; every caller sees everything."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from tstats.api.access import credential
from tstats.api.access.access import Caller
from tstats.api.access.origin import is_cross_site, is_for_loopback, is_loopback
from tstats.api.access.recorded_names import RecordedNames
from tstats.api.access.token_file import TokenIndex
from tstats.api.http.problem import Problem
from tstats.command import logs
from tstats.errors import ConfigError, TokenError

Authenticator = Callable[[Mapping[str, str]], Caller]
"""Returns the caller of a request by its headers, or raises a `Problem`."""


class StandAloneAccess:
    """An `Access` that authenticates callers itself; what exists is what InfluxDB has points of.

    Args:
        authenticate: identifies the caller.
        names: the CDNs and delivery services.
    """

    def __init__(self, authenticate: Authenticator, names: RecordedNames) -> None:
        self._authenticate = authenticate
        self._names = names

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller; see `Access.caller`."""
        return self._authenticate(headers)

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Return whether there are points of this CDN."""
        del caller  # every caller sees everything
        return name in await self._names.cdns()

    async def cdns(self, caller: Caller) -> list[str]:
        """Return the CDNs of which there are points, sorted by name."""
        del caller  # every caller sees everything
        return sorted(await self._names.cdns())

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """Return the xmlId if there are points of this delivery service; only Traffic Ops knows ids."""
        del caller  # every caller sees everything
        wanted = name or id_or_name
        return wanted if wanted and wanted in await self._names.delivery_services() else None

    async def aclose(self) -> None:
        """Cancel the reads in progress."""
        await self._names.aclose()


def token_authenticator(
    tokens: TokenIndex, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Authenticator:
    """Return an authenticator that accepts active tokens; a caller may write if the token may."""

    def authenticate(headers: Mapping[str, str]) -> Caller:
        given = credential.bearer(headers)
        if given is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED, "unauthorized: send a token as Authorization: Bearer tst_…"
            )
        try:
            token = tokens.find(given)
        except TokenError as error:
            logs.get("api").error("tokens_cannot_be_read", error=str(error))
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "The tokens cannot be read right now.") from None
        # One text for every case: it does not reveal whether a token existed.
        if token is None or token.state(now()) != "active":
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized: this token is invalid, expired or revoked.")
        return Caller(name=token.name, may_write=token.write, credential=given)

    return authenticate


def anonymous(headers: Mapping[str, str]) -> Caller:
    """Return a caller for any request to loopback; a page of another site may neither read nor write."""
    if not is_for_loopback(headers):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "Without authentication, only requests to localhost or 127.0.0.1 are answered.",
        )
    return Caller(name="anonymous", may_write=not is_cross_site(headers))


def check_bind(auth: str, host: str) -> None:
    """Refuse to serve without authentication anywhere but on loopback.

    Args:
        auth: the setting apiAuth.
        host: the address to listen on.

    Raises:
        ConfigError: apiAuth is `none`, and `host` can be reached from elsewhere.
    """
    if auth == "none" and not is_loopback(host):
        raise ConfigError(
            f"apiAuth: 'none' lets in everybody who can reach {host}; bind to 127.0.0.1, or set 'tokens' or"
            " 'trafficOps'"
        )
