"""Traffic Ops: the newest API version that both sides speak, one session, a new one when it has ended."""

from datetime import UTC, date, datetime
from typing import Generic, TypeVar
from urllib.parse import urlencode

import msgspec
import requests

from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError
from tstats.traffic_control.inventory import Inventory, Parameter, Server, inventory
from tstats.transport.http import fetch

VERSIONS = ("5.0", "4.1", "4.0", "3.1", "3.0")
_MOST_BYTES = 256 << 20
_UNAUTHORIZED = 401
_NOT_IMPLEMENTED = 501
_NOT_FOUND = 404

Record = TypeVar("Record")


class _Answer(msgspec.Struct, Generic[Record]):
    response: list[Record]


class _Recorded(msgspec.Struct, frozen=True, rename="camel"):
    """A record of stats_summary; one without a date is of no day."""

    cdn_name: str
    delivery_service_name: str
    stat_name: str
    stat_value: float
    stat_date: str | None = None


class DayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of stats_summary that is of one day.

    Attributes:
        cdn, deliveryservice: whose; `all` for the CDN itself.
        stat: the statistic's name.
        day: the day in UTC.
        value: in the statistic's unit.
    """

    cdn: str
    deliveryservice: str
    stat: str
    day: date
    value: float


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

    def login(self) -> str:
        """Log in anew, by the newest API version that both sides speak: that version.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: a wrong password.
            ServerError: it serves none of our versions.
        """
        self._login()
        return self._version or ""

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

    def summaries(self, *, cdn: str, stat: str) -> list[DayRecord]:
        """What is recorded of a statistic of a CDN and its delivery services; a day may have several records.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: a wrong password, a missing right.
            ServerError: an answer that cannot be used.
        """
        query = urlencode({"cdnName": cdn, "statName": stat})
        records = self._get(f"stats_summary?{query}", _Recorded)
        return [self._of_day(record) for record in records if record.stat_date is not None]

    def _of_day(self, record: _Recorded) -> DayRecord:
        try:
            day = date.fromisoformat((record.stat_date or "")[:10])
        except ValueError:
            raise ServerError(f"{self.url} has a summary of no day: {record.stat_date!r}") from None
        return DayRecord(
            cdn=record.cdn_name,
            deliveryservice=record.delivery_service_name,
            stat=record.stat_name,
            day=day,
            value=record.stat_value,
        )

    def record_summary(self, record: DayRecord, *, at: datetime) -> None:
        """Record a summary that is not there yet: Traffic Ops takes it twice, and has no way to change it.

        Args:
            record: what to record.
            at: its summaryTime.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails; it may have recorded it all the same.
            RefusedError: a wrong password, a missing right, or a database that refuses duplicates.
        """
        self._call(
            "POST",
            "stats_summary",
            {
                "cdnName": record.cdn,
                "deliveryServiceName": record.deliveryservice,
                "statName": record.stat,
                "statValue": record.value,
                # The form of API 5.0; the versions before it take it as well.
                "summaryTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "statDate": record.day.isoformat(),
            },
        )

    def _get(self, path: str, record: type[Record]) -> list[Record]:
        """The records that a path answers with."""
        body = self._call("GET", path)
        try:
            return msgspec.json.decode(body, type=_Answer[record]).response  # type: ignore[valid-type]
        except msgspec.MsgspecError as error:
            where = f"{self.url}/api/{self._version}/{path.partition('?')[0]}"
            raise ServerError(f"{where} answered no records: {error}") from None

    def _call(self, method: str, path: str, json: object = None) -> bytes:
        """What a path answers with, after a login where one is needed."""
        if self._version is None:
            self._login()
        try:
            return self._ask(method, path, json)
        except RefusedError as refusal:
            # An older Traffic Ops in place of the one that we logged in to serves other versions.
            if refusal.status not in (_UNAUTHORIZED, _NOT_IMPLEMENTED):
                raise
            self._login()
            return self._ask(method, path, json)

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
