"""Access by the sessions of Traffic Ops: it decides who a caller is, and what the caller sees."""

import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from tstats.api.access import credential
from tstats.api.access.access import Caller, Denied
from tstats.api.access.origin import is_cross_site
from tstats.api.access.rate_limiter import Gate
from tstats.api.access.traffic_ops_view import TrafficOpsView, User
from tstats.api.http.ttl_cache import Remembered
from tstats.command import logs
from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError, UnreachableError

_UNAUTHORIZED = 401
_FORBIDDEN = 403
_UNAVAILABLE = 503
_ADMIN = "admin"  # Traffic Ops' own rule: whatever is asked, this role may
_OPERATIONS = "operations"  # may write before 4.0, where a role has no permissions
_WRITES = frozenset({"STAT:CREATE", "ALL"})

_VISIBLE_SECONDS = 60.0  # what a caller sees is believed for so long
_REFUSED_SECONDS = 5.0
_MOST_REFUSED = 4096
_MOST_SERVICES = 50_000
_LONGEST_NAME = 1000  # Traffic Ops' own bound is far below
_LARGEST_ID = 2**63 - 1

Found = TypeVar("Found")


class _Known(NamedTuple):
    """What is remembered of a session: nothing that could be used in its place."""

    name: str
    may_write: bool


class TrafficOpsAccess:
    """An `Access`: sessions, tenancy and CDNs as Traffic Ops tells them, for one event loop.

    A good session is remembered for `seconds` by a keyed hash of its proof, a bad one for a few seconds. What
    is asked of Traffic Ops is bounded: the checks of sessions, and by themselves the questions of good
    sessions, so that a flood of bad ones does not get in their way. While Traffic Ops does not answer, what
    a remembered session was shown stays true until the session has to be checked again.

    Args:
        view: Traffic Ops; closed with this.
        seconds: so long a good session is remembered.
        clock: seconds that only grow.
    """

    def __init__(
        self, view: TrafficOpsView, *, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._view = view
        self._key = secrets.token_bytes(32)
        self._sessions = Remembered[bytes, _Known](seconds=seconds, clock=clock)
        self._refused = Remembered[bytes, bool](seconds=_REFUSED_SECONDS, most=_MOST_REFUSED, clock=clock)
        self._roles = Remembered[str, bool](seconds=_VISIBLE_SECONDS, most=1000, clock=clock)
        self._cdns = Remembered[bytes, list[str]](
            seconds=_VISIBLE_SECONDS, stale=seconds, most=1000, clock=clock
        )
        self._services = Remembered[tuple[bytes, str | int], str | None](
            seconds=_VISIBLE_SECONDS, stale=seconds, most=_MOST_SERVICES, clock=clock
        )
        self._checks = Gate(at_once=8, waiting=64, burst=100, a_second=50, clock=clock)
        self._questions = Gate(at_once=8, waiting=256, burst=500, a_second=100, clock=clock)
        self._answers = True
        self._log = logs.get("api")

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who asks; see `Access.caller`."""
        proof = credential.session(headers)
        if proof is None:
            raise _unauthorized()
        key = self._hash(proof)
        known = self._sessions.known(key)
        if known is None:
            if self._refused.known(key):
                raise _unauthorized()
            known = await self._decided(key, self._sessions.get(key, lambda: self._check(proof)))
        may_write = known.may_write and not is_cross_site(headers)
        return Caller(name=known.name, may_write=may_write, credential=proof)

    async def has_cdn(self, caller: Caller, name: str) -> bool:
        """Whether Traffic Ops shows a CDN of this name to the caller."""
        return name in await self.cdns(caller)

    async def cdns(self, caller: Caller) -> list[str]:
        """The CDNs that Traffic Ops shows to the caller, `ALL` among them."""
        proof = caller.credential
        key = self._hash(proof)

        answer = self._cdns.get(key, lambda: self._ask(self._questions, self._view.cdns(proof)))
        return await self._decided(key, answer)

    async def delivery_service(
        self, caller: Caller, *, name: str | None, id_or_name: str | None
    ) -> str | None:
        """The xmlId, where Traffic Ops shows the delivery service to the caller: its tenancy holds here."""
        wanted = _wanted(name, id_or_name)
        if wanted is None:
            return None
        proof = caller.credential
        key = self._hash(proof)

        def ask() -> Awaitable[str | None]:
            if isinstance(wanted, int):
                return self._ask(self._questions, self._view.delivery_service_of(proof, wanted))
            return self._ask(self._questions, self._view.delivery_service(proof, wanted))

        return await self._decided(key, self._services.get((key, wanted), ask))

    async def aclose(self) -> None:
        """End what is being asked and give the connections back."""
        for memory in (self._sessions, self._cdns, self._services, self._roles):
            await memory.aclose()
        await self._view.aclose()

    def _hash(self, proof: Secret) -> bytes:
        return blake2b(proof.reveal().encode(), key=self._key, digest_size=32).digest()

    async def _check(self, proof: Secret) -> _Known:
        user = await self._ask(self._checks, self._view.who(proof))
        return _Known(name=user.name, may_write=await self._may_write(proof, user))

    async def _may_write(self, proof: Secret, user: User) -> bool:
        """Whether the user's role may record a summary; not, where that cannot be known."""
        if user.role == _ADMIN:
            return True
        if not user.role:
            return False

        async def ask() -> bool:
            permissions = await self._ask(self._questions, self._view.permissions(proof, user.role))
            return user.role == _OPERATIONS if permissions is None else bool(permissions & _WRITES)

        try:
            return await self._roles.get(user.role, ask)
        except ServerError:
            return False

    async def _ask(self, gate: Gate, question: Coroutine[Any, Any, Found]) -> Found:
        """The answer of Traffic Ops, as soon as the gate lets the question through."""
        with contextlib.closing(question):  # it may never have begun
            async with gate.passing():
                try:
                    found = await question
                except RefusedError:
                    self._note(None)
                    raise
                except ServerError as error:
                    self._note(error)
                    raise
        self._note(None)
        return found

    def _note(self, problem: ServerError | None) -> None:
        """Log when Traffic Ops goes and when it is back, not each request."""
        if problem is None and not self._answers:
            self._log.info("traffic_ops_answers")
        elif problem is not None and self._answers:
            self._log.warning("traffic_ops_does_not_answer", error=str(problem))
        self._answers = problem is None

    async def _decided(self, key: bytes, answer: Awaitable[Found]) -> Found:
        """An answer about a session.

        Raises:
            Denied: there is none; a session that Traffic Ops does not know is forgotten.
        """
        try:
            return await answer
        except RefusedError as refusal:
            if refusal.status == _UNAUTHORIZED:
                self._sessions.forget(key)
                self._refused.keep(key, value=True)
                raise _unauthorized() from None
            if refusal.status == _FORBIDDEN:
                raise Denied(_FORBIDDEN, "Forbidden.") from None
            raise _unavailable("its answers cannot be used") from None
        except UnreachableError:
            raise _unavailable("try again in some seconds") from None
        except ServerError:
            raise _unavailable("its answers cannot be used") from None


def _wanted(name: str | None, id_or_name: str | None) -> str | int | None:
    """An id or an xmlId; None where there can be no such delivery service."""
    wanted = name or id_or_name or ""
    if not wanted or len(wanted) > _LONGEST_NAME:
        return None
    if name or not (wanted.isascii() and wanted.isdecimal()):
        return wanted
    return number if (number := int(wanted)) <= _LARGEST_ID else None


def _unauthorized() -> Denied:
    return Denied(_UNAUTHORIZED, "unauthorized, please log in.")


def _unavailable(why: str) -> Denied:
    return Denied(_UNAVAILABLE, f"Traffic Ops cannot be asked about this session: {why}.")
