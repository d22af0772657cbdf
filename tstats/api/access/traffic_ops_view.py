"""What Traffic Ops shows to a caller's session: async requests with the proof of that session."""

import asyncio
import ssl
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from tstats.api.access import credential
from tstats.core.secret import Secret
from tstats.errors import ConfigError, RefusedError, ServerError, UnreachableError
from tstats.traffic_control.traffic_ops import VERSIONS

_MAX_RESPONSE_BYTES = 16 << 20  # an old version that ignores a filter returns all delivery services
_CHUNK = 1 << 16
_MAX_CONNECTIONS = 16
_CURRENT_USER = "user/current"

Content = TypeVar("Content")


class User(msgspec.Struct, frozen=True, kw_only=True):
    """The user of a session; `role` is a name, empty where only a number is known."""

    name: str
    role: str


class _UserRecord(msgspec.Struct, rename="camel"):
    """A user in any version: the role is a name or, before 4.0, a number beside its name."""

    username: str
    role: str | int | None = None
    role_name: str | None = None
    rolename: str | None = None


class _RoleRecord(msgspec.Struct):
    name: str
    permissions: list[str] | None = None


class _CdnRecord(msgspec.Struct):
    name: str


class _DeliveryServiceRecord(msgspec.Struct, rename="camel"):
    id: int
    xml_id: str


class _UserResponse(msgspec.Struct):
    response: _UserRecord


class _RolesResponse(msgspec.Struct):
    response: list[_RoleRecord]


class _CdnsResponse(msgspec.Struct):
    response: list[_CdnRecord]


class _DeliveryServicesResponse(msgspec.Struct):
    response: list[_DeliveryServiceRecord]


class TrafficOpsView:
    """Traffic Ops as other people's sessions see it; for one event loop.

    It keeps no cookies, follows no redirects and sends nothing of a caller but the given proof
    (`credential.session`). Every method raises:

    - UnreachableError: Traffic Ops cannot be reached, is late or fails.
    - RefusedError: `status` is 401 for a session it does not know, 403 for a missing permission.
    - ServerError: the response cannot be used.

    Args:
        url: the base URL.
        timeout: seconds for a whole response.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify the certificate.

    Raises:
        ConfigError: `ca_cert` cannot be read.
    """

    def __init__(self, url: str, *, timeout: float, ca_cert: str = "", insecure: bool = False) -> None:
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._ssl = _ssl_context(ca_cert, insecure=insecure)
        self._version: str | None = None
        self._client: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def current_user(self, proof: Secret) -> User:
        """Return the user of the session."""
        user = (await self._get(_CURRENT_USER, proof, _UserResponse)).response
        role = user.role if isinstance(user.role, str) else user.role_name or user.rolename
        return User(name=user.username, role=role or "")

    async def permissions(self, proof: Secret, role: str) -> frozenset[str] | None:
        """Return the permissions of a role; None if Traffic Ops has none, as before 4.0."""
        found = await self._get(f"roles?name={quote(role, safe='')}", proof, _RolesResponse)
        for record in found.response:
            if record.name == role and record.permissions is not None:
                return frozenset(record.permissions)
        return None

    async def cdns(self, proof: Secret) -> list[str]:
        """Return the names of the CDNs, including `ALL`, as Traffic Ops lists it."""
        return [record.name for record in (await self._get("cdns", proof, _CdnsResponse)).response]

    async def delivery_service(self, proof: Secret, name: str) -> str | None:
        """Return the xmlId if Traffic Ops shows a delivery service of this name to the session."""
        path = f"deliveryservices?xmlId={quote(name, safe='')}"
        found = await self._get(path, proof, _DeliveryServicesResponse)
        return next((record.xml_id for record in found.response if record.xml_id == name), None)

    async def delivery_service_by_id(self, proof: Secret, number: int) -> str | None:
        """Return the xmlId of the delivery service with this id if Traffic Ops shows it to the session."""
        found = await self._get(f"deliveryservices?id={number}", proof, _DeliveryServicesResponse)
        return next((record.xml_id for record in found.response if record.id == number), None)

    async def _get(self, path: str, proof: Secret, kind: type[Content]) -> Content:
        """Return the response to a path, in the newest version that both sides support."""
        # Traffic Ops refuses an unknown version before it looks at the session.
        for version in dict.fromkeys([self._version or VERSIONS[0], *VERSIONS]):
            try:
                body = await self._fetch(f"{self.url}/api/{version}/{path}", proof)
            except RefusedError as refusal:
                if refusal.status == HTTPStatus.NOT_IMPLEMENTED or (
                    refusal.status == HTTPStatus.NOT_FOUND and path == _CURRENT_USER
                ):
                    continue
                self._version = version
                raise
            self._version = version
            try:
                return msgspec.json.decode(body, type=kind)
            except msgspec.MsgspecError as error:
                shown = f"{self.url}/api/{version}/{path.partition('?')[0]}"
                raise ServerError(f"{shown} returned an invalid response: {error}") from None
        raise ServerError(f"{self.url} supports none of the API versions {', '.join(VERSIONS)}")

    async def _fetch(self, url: str, proof: Secret) -> bytes:
        shown = url.partition("?")[0]
        try:
            async with asyncio.timeout(self._timeout):
                return await self._read(url, shown, proof)
        except TimeoutError:
            raise UnreachableError(f"{shown} did not answer in full within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(f"{shown} cannot be reached: {error}") from None

    async def _read(self, url: str, shown: str, proof: Secret) -> bytes:
        request = self._connections().get(
            URL(url, encoded=True),
            headers=credential.as_headers(proof),
            allow_redirects=False,
            ssl=self._ssl,
        )
        async with request as response:
            body = bytearray()
            async for chunk in response.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > _MAX_RESPONSE_BYTES:
                    raise ServerError(f"{shown} returned more than {_MAX_RESPONSE_BYTES} bytes")
        status = response.status
        if status == HTTPStatus.OK:
            return bytes(body)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            raise UnreachableError(f"{shown} returned status {status}")
        raise RefusedError(f"{shown} returned status {status}", status=status)

    def _connections(self) -> aiohttp.ClientSession:
        """Return the client, which is made in the event loop that uses it."""
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),  # a caller's cookie must not go with another's request
                timeout=aiohttp.ClientTimeout(total=None),  # `_fetch` limits the time of each request
                headers={"Accept": "application/json"},
            )
        return self._client


def _ssl_context(ca_cert: str, *, insecure: bool) -> ssl.SSLContext | bool:
    if insecure:
        return False
    if not ca_cert:
        return True
    try:
        return ssl.create_default_context(cafile=ca_cert)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"toCaCert: cannot read certificates from {ca_cert}: {error}") from None
