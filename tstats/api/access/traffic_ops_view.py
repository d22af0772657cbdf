"""What Traffic Ops shows to somebody else's session: asked with that session's own proof, asynchronously."""

import asyncio
import ssl
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from tstats.api.access import credential
from tstats.core.secret import Secret
from tstats.errors import ConfigError, RefusedError, ServerError, UnreachableError
from tstats.traffic_control.traffic_ops import VERSIONS

_MOST_BYTES = 16 << 20  # an old version that ignores a filter shows all delivery services
_CHUNK = 1 << 16
_AT_ONCE = 16
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_NOT_FOUND = 404
_OK = 200
_WHO = "user/current"

Content = TypeVar("Content")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Who a session is; `role` is a name, empty where only a number is known."""

    name: str
    role: str


class _Who(msgspec.Struct, rename="camel"):
    """A user by any version: the role is a name or, before 4.0, a number beside its name."""

    username: str
    role: str | int | None = None
    role_name: str | None = None
    rolename: str | None = None


class _Role(msgspec.Struct):
    name: str
    permissions: list[str] | None = None


class _Named(msgspec.Struct):
    name: str


class _Service(msgspec.Struct, rename="camel"):
    id: int
    xml_id: str


class _WhoAnswer(msgspec.Struct):
    response: _Who


class _RolesAnswer(msgspec.Struct):
    response: list[_Role]


class _CdnsAnswer(msgspec.Struct):
    response: list[_Named]


class _ServicesAnswer(msgspec.Struct):
    response: list[_Service]


class TrafficOpsView:
    """Traffic Ops, seen by the sessions of others; for one event loop.

    It keeps no cookie, follows no redirect and sends nothing of a caller but the given proof
    (`credential.session`). Each method raises:

    - UnreachableError: Traffic Ops cannot be reached, is late or fails.
    - RefusedError: `status` 401 for a session that it does not know, 403 for a missing right.
    - ServerError: an answer that cannot be used.

    Args:
        url: its base URL.
        timeout: seconds for one answer as a whole.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify its certificate.
    """

    def __init__(self, url: str, *, timeout: float, ca_cert: str = "", insecure: bool = False) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._trust = _trust(ca_cert, insecure=insecure)
        self._version: str | None = None
        self._client: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Give the connections back."""
        if self._client is not None:
            await self._client.close()

    async def who(self, proof: Secret) -> User:
        """Who the session is."""
        found = (await self._get(_WHO, proof, _WhoAnswer)).response
        role = found.role if isinstance(found.role, str) else found.role_name or found.rolename
        return User(name=found.username, role=role or "")

    async def permissions(self, proof: Secret, role: str) -> frozenset[str] | None:
        """What a role may do; None where Traffic Ops does not tell, as before 4.0."""
        found = await self._get(f"roles?name={quote(role, safe='')}", proof, _RolesAnswer)
        for record in found.response:
            if record.name == role and record.permissions is not None:
                return frozenset(record.permissions)
        return None

    async def cdns(self, proof: Secret) -> list[str]:
        """The names of the CDNs, `ALL` among them, as Traffic Ops lists it."""
        return [record.name for record in (await self._get("cdns", proof, _CdnsAnswer)).response]

    async def delivery_service(self, proof: Secret, name: str) -> str | None:
        """The xmlId, if Traffic Ops shows a delivery service of this name to the session."""
        asked = f"deliveryservices?xmlId={quote(name, safe='')}"
        found = await self._get(asked, proof, _ServicesAnswer)
        return next((record.xml_id for record in found.response if record.xml_id == name), None)

    async def delivery_service_of(self, proof: Secret, number: int) -> str | None:
        """The xmlId of the delivery service with this id, if Traffic Ops shows it to the session."""
        found = await self._get(f"deliveryservices?id={number}", proof, _ServicesAnswer)
        return next((record.xml_id for record in found.response if record.id == number), None)

    async def _get(self, path: str, proof: Secret, kind: type[Content]) -> Content:
        """What a path answers with, by the newest version that both sides speak."""
        # Traffic Ops tells of a version that it does not serve before it looks at the session.
        for version in dict.fromkeys([self._version or VERSIONS[0], *VERSIONS]):
            try:
                body = await self._fetch(f"{self.url}/api/{version}/{path}", proof)
            except RefusedError as refusal:
                if refusal.status == _NOT_IMPLEMENTED or (refusal.status == _NOT_FOUND and path == _WHO):
                    continue
                self._version = version
                raise
            self._version = version
            try:
                return msgspec.json.decode(body, type=kind)
            except msgspec.MsgspecError as error:
                shown = f"{self.url}/api/{version}/{path.partition('?')[0]}"
                raise ServerError(f"{shown} answered what cannot be used: {error}") from None
        raise ServerError(f"{self.url} serves none of the API versions {', '.join(VERSIONS)}")

    async def _fetch(self, url: str, proof: Secret) -> bytes:
        shown = url.partition("?")[0]
        try:
            async with asyncio.timeout(self._timeout):
                return await self._whole(url, shown, proof)
        except TimeoutError:
            raise UnreachableError(f"{shown} did not answer in full within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"{shown} cannot be reached: {error}") from None

    async def _whole(self, url: str, shown: str, proof: Secret) -> bytes:
        request = self._connected().get(
            URL(url, encoded=True),
            headers=credential.as_headers(proof),
            allow_redirects=False,
            ssl=self._trust,
        )
        async with request as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise ServerError(f"{shown} answered with more than {_MOST_BYTES} bytes")
        status = answer.status
        if status == _OK:
            return bytes(body)
        if status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED:
            raise UnreachableError(f"{shown} answered {status}")
        raise RefusedError(f"{shown} answered {status}", status=status)

    def _connected(self) -> aiohttp.ClientSession:
        """The connections, made in the event loop that uses them."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_AT_ONCE),
                cookie_jar=aiohttp.DummyCookieJar(),  # or one caller's cookie would go with another's request
                timeout=aiohttp.ClientTimeout(total=None),  # one of our own is around each request
                headers={"Accept": "application/json"},
            )
        return self._client


def _trust(ca_cert: str, *, insecure: bool) -> ssl.SSLContext | bool:
    if insecure:
        return False
    if not ca_cert:
        return True
    try:
        return ssl.create_default_context(cafile=ca_cert)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"toCaCert: {ca_cert} holds no certificates that can be read: {error}") from None
