"""Traffic Ops: the newest API version that both sides speak, one session, a new one when it has ended."""

from typing import Generic, TypeVar

import msgspec
import requests

from tstats.core.inventory import Inventory, Parameter, Server, inventory
from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError
from tstats.stores.http import fetch

VERSIONS = ("5.0", "4.1", "4.0", "3.1", "3.0")
_MOST_BYTES = 256 << 20
_UNAUTHORIZED = 401
_NOT_IMPLEMENTED = 501
_NOT_FOUND = 404

Record = TypeVar("Record")


class _Answer(msgspec.Struct, Generic[Record]):
    response: list[Record]


class TrafficOps:
    """A session with Traffic Ops; used by one thread at a time.

    Args:
        url: its base URL.
        user, password: who logs in.
        timeout: seconds for one answer as a whole.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify its certificate.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str,
        password: Secret,
        timeout: float,
        ca_cert: str = "",
        insecure: bool = False,
    ) -> None:
        self.url = url.rstrip("/")
        self._user = user
        self._password = password
        self._timeout = timeout
        self._version: str | None = None
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.verify = not insecure and (ca_cert or True)

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def inventory(self, status: str) -> Inventory:
        """The inventory; `status` is that of the monitors to ask.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: a wrong password, a missing right.
            ServerError: an answer that cannot be used.
        """
        servers = self._get("servers", Server)
        parameters = self._get("profiles/name/TRAFFIC_STATS/parameters", Parameter)
        return inventory(servers, parameters, status=status)

    def _get(self, path: str, record: type[Record]) -> list[Record]:
        """The records that a path answers with, after a login where one is needed."""
        if self._version is None:
            self._login()
        try:
            body = self._ask("GET", path)
        except RefusedError as refusal:
            # An older Traffic Ops in place of the one that we logged in to serves other versions.
            if refusal.status not in (_UNAUTHORIZED, _NOT_IMPLEMENTED):
                raise
            self._login()
            body = self._ask("GET", path)
        try:
            return msgspec.json.decode(body, type=_Answer[record]).response  # type: ignore[valid-type]
        except msgspec.MsgspecError as error:
            raise ServerError(f"{self.url}/api/{self._version}/{path} answered no records: {error}") from None

    def _login(self) -> None:
        """Log in by the newest version that Traffic Ops serves."""
        credentials = {"u": self._user, "p": self._password.reveal()}
        for version in VERSIONS:
            self._version = version
            try:
                self._ask("POST", "user/login", credentials)
            except ServerError as error:
                self._version = None
                if isinstance(error, RefusedError) and error.status == _UNAUTHORIZED:
                    raise RefusedError(
                        f"{self.url}: Traffic Ops does not know the user {self._user!r} with this password;"
                        " check toUser and toPasswd",
                        status=error.status,
                    ) from None
                if not _unserved(error):
                    raise
            else:
                return
        raise ServerError(f"{self.url} serves none of the API versions {', '.join(VERSIONS)}")

    def _ask(self, method: str, path: str, json: object = None) -> bytes:
        url = f"{self.url}/api/{self._version}/{path}"
        return fetch(self._session, method, url, seconds=self._timeout, most_bytes=_MOST_BYTES, json=json)


def _unserved(error: ServerError) -> bool:
    """Whether the answer means that this version is not served: the next older one may be."""
    return isinstance(error, RefusedError) and error.status in (_NOT_IMPLEMENTED, _NOT_FOUND)
