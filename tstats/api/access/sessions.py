"""Access by sessions of Traffic Ops, which decides who a caller is and what the caller may see."""

import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from tstats.api.access import credential
from tstats.api.access.access import Caller
from tstats.api.access.origin import is_cross_site
from tstats.api.access.rate_limiter import RateLimiter
from tstats.api.access.traffic_ops_view import TrafficOpsView, User
from tstats.api.http.problem import Problem
from tstats.api.http.ttl_cache import TtlCache
from tstats.command import logs
from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError, UnreachableError

_ADMIN = "admin"  # this role may do anything: Traffic Ops' own rule
_OPERATIONS = "operations"  # may write before 4.0, where roles have no permissions
_WRITE_PERMISSIONS = frozenset({"STAT:CREATE", "ALL"})

_TENANCY_TTL = 60.0  # seconds
_REFUSED_TTL = 5.0  # seconds
_MAX_REFUSED = 4096
_MAX_DELIVERY_SERVICES = 50_000
_MAX_NAME_LENGTH = 1000  # Traffic Ops' own limit is far lower
_MAX_ID = 2**63 - 1

Found = TypeVar("Found")


class _Identity(NamedTuple):
    """What is cached of a session: nothing that could be used in its place."""

    name: str
    may_write: bool


class TrafficOpsAccess:
    """An `Access` with the sessions, tenancy and CDNs of Traffic Ops, for one event loop.

    A valid session is cached for `ttl` seconds by a keyed hash of its proof, an invalid one for a few
    seconds. Requests to Traffic Ops are limited: session checks apart from the requests of valid sessions, so
    that a flood of invalid ones does not get in their way. While Traffic Ops does not answer, a cached
    session keeps what it was shown until it has to be checked again.

    Args:
        view: Traffic Ops; closed with this.
        ttl: seconds for which a valid session is cached.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self, view: TrafficOpsView, *, ttl: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._view = view
        self._key = secrets.token_bytes(32)
        self._sessions = TtlCache[bytes, _Identity](ttl=ttl, clock=clock)
        self._refused = TtlCache[bytes, bool](ttl=_REFUSED_TTL, max_entries=_MAX_REFUSED, clock=clock)
        self._roles = TtlCache[str, bool](ttl=_TENANCY_TTL, max_entries=1000, clock=clock)
        self._cdns = TtlCache[bytes, list[str]](
            ttl=_TENANCY_TTL, stale_ttl=ttl, max_entries=1000, clock=clock
        )
        self._delivery_services = TtlCache[tuple[bytes, str | int], str | None](
            ttl=_TENANCY_TTL, stale_ttl=ttl, max_entries=_MAX_DELIVERY_SERVICES, clock=clock
        )
        self._checks = RateLimiter(parallel=8, waiting=64, burst=100, per_second=50, clock=clock)
        self._lookups = RateLimiter(parallel=8, waiting=256, burst=500, per_second=100, clock=clock)
        self._reachable = True
        self._log = logs.get("api")

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller; see `Access.caller`."""
        proof = credential.session(headers)
        if proof is None:
            raise _unauthorized()
        key = self._hash(proof)
        identity = self._sessions.peek(key)
        if identity is None:
            if self._refused.peek(key):
                raise _unauthorized()
            identity = await self._or_problem(key, self._sessions.get(key, lambda: self._check(proof)))
        may_write = identity.may_write and not is_cross_site(headers)
        return Caller(name=identity.name, may_write=may_write, credential=proof)

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Return whether Traffic Ops shows a CDN of this name to the caller."""
        return name in await self.cdns(caller)

    async def cdns(self, caller: Caller) -> list[str]:
        """Return the CDNs that Traffic Ops shows to the caller, including `ALL`."""
        proof = caller.credential
        key = self._hash(proof)

        found = self._cdns.get(key, lambda: self._send(self._lookups, self._view.cdns(proof)))
        return await self._or_problem(key, found)

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """Return the xmlId if Traffic Ops shows the delivery service to the caller: its tenancy applies."""
        wanted = _wanted(name, id_or_name)
        if wanted is None:
            return None
        proof = caller.credential
        key = self._hash(proof)

        def look_up() -> Awaitable[str | None]:
            if isinstance(wanted, int):
                return self._send(self._lookups, self._view.delivery_service_by_id(proof, wanted))
            return self._send(self._lookups, self._view.delivery_service(proof, wanted))

        return await self._or_problem(key, self._delivery_services.get((key, wanted), look_up))

    async def aclose(self) -> None:
        """Cancel the requests in progress and close the connections."""
        for cache in (self._sessions, self._cdns, self._delivery_services, self._roles):
            await cache.aclose()
        await self._view.aclose()

    def _hash(self, proof: Secret) -> bytes:
        return blake2b(proof.reveal().encode(), key=self._key, digest_size=32).digest()

    async def _check(self, proof: Secret) -> _Identity:
        user = await self._send(self._checks, self._view.current_user(proof))
        return _Identity(name=user.name, may_write=await self._may_write(proof, user))

    async def _may_write(self, proof: Secret, user: User) -> bool:
        """Return whether the user's role may record a summary; False if that cannot be determined."""
        if user.role == _ADMIN:
            return True
        if not user.role:
            return False

        async def look_up() -> bool:
            permissions = await self._send(self._lookups, self._view.permissions(proof, user.role))
            if permissions is None:
                return user.role == _OPERATIONS
            return bool(permissions & _WRITE_PERMISSIONS)

        try:
            return await self._roles.get(user.role, look_up)
        except ServerError:
            return False

    async def _send(self, limiter: RateLimiter, request: Coroutine[Any, Any, Found]) -> Found:
        """Send a request to Traffic Ops as soon as the rate limiter allows it."""
        with contextlib.closing(request):  # it may never have been started
            async with limiter.slot():
                try:
                    found = await request
                except RefusedError:
                    self._note(None)
                    raise
                except ServerError as error:
                    self._note(error)
                    raise
        self._note(None)
        return found

    def _note(self, problem: ServerError | None) -> None:
        """Log when Traffic Ops stops answering and when it answers again, not every request."""
        if problem is None and not self._reachable:
            self._log.info("traffic_ops_answers")
        elif problem is not None and self._reachable:
            self._log.warning("traffic_ops_does_not_answer", error=str(problem))
        self._reachable = problem is None

    async def _or_problem(self, key: bytes, found: Awaitable[Found]) -> Found:
        """Return what Traffic Ops shows to a session.

        Raises:
            Problem: in place of any error; a session that Traffic Ops does not know is forgotten.
        """
        try:
            return await found
        except RefusedError as refusal:
            if refusal.status == HTTPStatus.UNAUTHORIZED:
                self._sessions.discard(key)
                self._refused.put(key, value=True)
                raise _unauthorized() from None
            if refusal.status == HTTPStatus.FORBIDDEN:
                raise Problem(HTTPStatus.FORBIDDEN, "Forbidden.") from None
            raise _unavailable("its response cannot be used") from None
        except UnreachableError:
            raise _unavailable("try again in a few seconds") from None
        except ServerError:
            raise _unavailable("its response cannot be used") from None


def _wanted(name: str | None, id_or_name: str | None) -> str | int | None:
    """Return an id or an xmlId; None if there can be no such delivery service."""
    wanted = name or id_or_name or ""
    if not wanted or len(wanted) > _MAX_NAME_LENGTH:
        return None
    if name or not (wanted.isascii() and wanted.isdecimal()):
        return wanted
    return number if (number := int(wanted)) <= _MAX_ID else None


def _unauthorized() -> Problem:
    return Problem(HTTPStatus.UNAUTHORIZED, "unauthorized, please log in.")


def _unavailable(why: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"Traffic Ops cannot check this session: {why}.")
