"""A client of Traffic Ops: negotiates the API version, and logs in again after a session has ended."""

from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from tstats.core.secret import Secret
from tstats.errors import RefusedError, ServerError
from tstats.traffic_control.inventory import Inventory, ParameterRecord, ServerRecord, build_inventory
from tstats.transport.http import fetch
from tstats.transport.session import DirectSession

VERSIONS = ("5.0", "4.1", "4.0", "3.1", "3.0")
_MOST_BYTES = 256 << 20

Record = TypeVar("Record")


class _Envelope(msgspec.Struct, Generic[Record]):
    response: list[Record]


class _StatsSummaryRecord(msgspec.Struct, frozen=True, rename="camel"):
    """A record of stats_summary as Traffic Ops sends it; without a date it does not belong to a day."""

    cdn_name: str
    delivery_service_name: str
    stat_name: str
    stat_value: float
    stat_date: str | None = None


class DayRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of stats_summary that belongs to a day.

    Attributes:
        cdn, deliveryservice: what it is about; the delivery service is `all` for the CDN as a whole.
        stat: the name of the statistic.
        day: the day in UTC.
        value: the value in the statistic's unit.
    """

    cdn: str
    deliveryservice: str
    stat: str
    day: date
    value: float


class TrafficOps:
    """A session with Traffic Ops. Not thread-safe.

    Args:
        url: the base URL.
        user, password: the credentials.
        timeout: seconds for a request, from the connection to the last byte of the response.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify the server's certificate.
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
        self._session = DirectSession()
        self._session.headers["Accept-Encoding"] = "gzip"
        self._session.verify = not insecure and (ca_cert or True)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def login(self) -> str:
        """Log in, again if need be, by the newest common API version, and return that version.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: the password is wrong.
            ServerError: Traffic Ops serves none of `VERSIONS`.
        """
        self._login()
        return self._version or ""

    def inventory(self, status: str) -> Inventory:
        """Return the inventory, with the monitors of this status.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: the password is wrong, or the user lacks a permission.
            ServerError: the answer is not usable.
        """
        servers = self._get("servers", ServerRecord)
        parameters = self._get("profiles/name/TRAFFIC_STATS/parameters", ParameterRecord)
        return build_inventory(servers, parameters, status=status)

    def summaries(self, *, cdn: str, stat: str) -> list[DayRecord]:
        """Return the records of a statistic for a CDN and its delivery services; a day may have several.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails.
            RefusedError: the password is wrong, or the user lacks a permission.
            ServerError: the answer is not usable.
        """
        query = urlencode({"cdnName": cdn, "statName": stat})
        records = self._get(f"stats_summary?{query}", _StatsSummaryRecord)
        return [self._day_record(record) for record in records if record.stat_date is not None]

    def _day_record(self, record: _StatsSummaryRecord) -> DayRecord:
        try:
            day = date.fromisoformat((record.stat_date or "")[:10])
        except ValueError:
            raise ServerError(
                f"{self.url}: a record of stats_summary has an invalid date: {record.stat_date!r}"
            ) from None
        return DayRecord(
            cdn=record.cdn_name,
            deliveryservice=record.delivery_service_name,
            stat=record.stat_name,
            day=day,
            value=record.stat_value,
        )

    def record_summary(self, record: DayRecord, *, at: datetime) -> None:
        """Record a summary that is not there yet; Traffic Ops accepts duplicates and cannot change a record.

        Args:
            record: what to record.
            at: the record's summaryTime.

        Raises:
            UnreachableError: Traffic Ops cannot be reached or fails; the record may exist nevertheless.
            RefusedError: the password is wrong, the user lacks a permission, or duplicates are refused.
        """
        self._call(
            "POST",
            "stats_summary",
            {
                "cdnName": record.cdn,
                "deliveryServiceName": record.deliveryservice,
                "statName": record.stat,
                "statValue": record.value,
                # The format of API 5.0; earlier versions accept it as well.
                "summaryTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "statDate": record.day.isoformat(),
            },
        )

    def _get(self, path: str, record: type[Record]) -> list[Record]:
        """Return the records of a path."""
        body = self._call("GET", path)
        try:
            return msgspec.json.decode(body, type=_Envelope[record]).response  # type: ignore[valid-type]
        except msgspec.MsgspecError as error:
            where = f"{self.url}/api/{self._version}/{path.partition('?')[0]}"
            raise ServerError(f"{where} returned no valid records: {error}") from None

    def _call(self, method: str, path: str, json: object = None) -> bytes:
        """Return the body of a path's response; log in first where that is needed."""
        if self._version is None:
            self._login()
        try:
            return self._ask(method, path, json)
        except RefusedError as refusal:
            # 501: an older Traffic Ops has taken the place of the one that we logged in to.
            if refusal.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_IMPLEMENTED):
                raise
            self._login()
            return self._ask(method, path, json)

    def _login(self) -> None:
        """Log in by the newest version that Traffic Ops serves, and keep to that version."""
        credentials = {"u": self._user, "p": self._password.reveal()}
        for version in VERSIONS:
            self._version = version
            try:
                self._ask("POST", "user/login", credentials)
            except ServerError as error:
                self._version = None
                if isinstance(error, RefusedError) and error.status == HTTPStatus.UNAUTHORIZED:
                    raise RefusedError(
                        f"{self.url}: Traffic Ops rejected the user {self._user!r} or its password;"
                        " check toUser and toPasswd",
                        status=error.status,
                    ) from None
                if not _is_unserved(error):
                    raise
            else:
                return
        raise ServerError(f"{self.url} serves none of the API versions {', '.join(VERSIONS)}")

    def _ask(self, method: str, path: str, json: object = None) -> bytes:
        url = f"{self.url}/api/{self._version}/{path}"
        return fetch(self._session, method, url, seconds=self._timeout, most_bytes=_MOST_BYTES, json=json)


def _is_unserved(error: ServerError) -> bool:
    """Return whether Traffic Ops does not serve this API version; it may serve an older one."""
    return isinstance(error, RefusedError) and error.status in (
        HTTPStatus.NOT_IMPLEMENTED,
        HTTPStatus.NOT_FOUND,
    )
