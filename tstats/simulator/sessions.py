"""Sessions with Traffic Ops: a cookie or a token per login, renewed with every response."""

import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

import msgspec

_COOKIE = "mojolicious"
_TOKEN = "access_token"  # noqa: S105 (the name of the cookie, not its value)
_LIFE_S = 6 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedUser:
    """A user who can log in.

    Attributes:
        name: the user name.
        password: the password.
        role: the name of the role; `admin` has every permission.
        permissions: the permissions of the role, such as `STAT:CREATE`.
        services: the xmlIds of the delivery services that the user's tenant sees; None for all.
    """

    name: str
    password: str
    role: str = "admin"
    permissions: frozenset[str] = frozenset()
    services: frozenset[str] | None = None

    def sees(self, service: str) -> bool:
        """Return whether a delivery service belongs to the user's tenant or to one below it."""
        return self.services is None or service in self.services


@dataclass(slots=True, kw_only=True, eq=False)
class LoginSession:
    """A session.

    Attributes:
        key: the part of its cookie that stays the same when the cookie is renewed.
        token: its access token, in the form of a JWT.
        user: who logged in.
        calls: the number of calls made with it.
        renewals: the number of cookies issued for it.
    """

    key: str
    token: str
    user: SimulatedUser
    calls: int = 0
    renewals: int = 0


class LoginSessions:
    """The sessions of a Traffic Ops; safe for several threads."""

    def __init__(self, users: Iterable[SimulatedUser]) -> None:
        self._users = {user.name: user for user in users}
        self._lock = threading.Lock()
        self._by_key: dict[str, LoginSession] = {}
        self._by_token: dict[str, LoginSession] = {}

    @property
    def users(self) -> tuple[SimulatedUser, ...]:
        """The users who can log in."""
        return tuple(self._users.values())

    def login(self, name: str, password: str) -> LoginSession | None:
        """Return a new session, or None if the user or password is wrong."""
        user = self._users.get(name)
        if user is None or user.password != password:
            return None
        session = LoginSession(key=secrets.token_hex(16), token=_token(name), user=user)
        with self._lock:
            self._by_key[session.key] = self._by_token[session.token] = session
        return session

    def use(self, headers: Mapping[str, str], *, calls: int | None) -> LoginSession | None:
        """Return the session of a request and count the call; None if there is no session.

        Args:
            headers: the headers, with names in lower case.
            calls: the number of calls after which a session expires; None for never.
        """
        with self._lock:
            session = self._find(headers)
            if session is None:
                return None
            if calls is not None and session.calls >= calls:
                self._by_key.pop(session.key)
                self._by_token.pop(session.token)
                return None
            session.calls += 1
            return session

    def expire(self) -> None:
        """End all current sessions; new logins are possible."""
        with self._lock:
            self._by_key.clear()
            self._by_token.clear()

    def cookies(self, session: LoginSession) -> tuple[tuple[str, str], ...]:
        """Return the headers that renew the session's cookies."""
        with self._lock:
            session.renewals += 1
            cookie = f"{session.key}-{session.renewals}"
        attributes = f"Path=/; Max-Age={_LIFE_S}; HttpOnly"
        return (
            ("Set-Cookie", f"{_COOKIE}={cookie}; {attributes}"),
            ("Set-Cookie", f"{_TOKEN}={session.token}; {attributes}"),
        )

    def _find(self, headers: Mapping[str, str]) -> LoginSession | None:
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and bearer.strip() in self._by_token:
            return self._by_token[bearer.strip()]
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            return None
        if _COOKIE in cookies and (session := self._by_key.get(cookies[_COOKIE].value.partition("-")[0])):
            return session
        return self._by_token.get(cookies[_TOKEN].value) if _TOKEN in cookies else None


def _token(user: str) -> str:
    """Return a text in the form of a JWT; it is only looked up, so its signature is random."""
    parts = (
        msgspec.json.encode({"alg": "HS256", "typ": "JWT"}),
        msgspec.json.encode({"iss": "traffic-ops simulator", "sub": user, "jti": secrets.token_hex(8)}),
        secrets.token_bytes(32),
    )
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
