"""A client for InfluxDB 1.x; the only importer of the package `influxdb`, most of whose defaults are unsafe.

Switched off here: its own retries beneath ours, endless waits, the user and password `root`, unverified TLS,
and MessagePack (which cuts times to microseconds).
"""

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import msgspec
import requests
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError, InfluxDBServerError
from urllib3.exceptions import ReadTimeoutError

from tstats.core.secret import Secret
from tstats.core.time import SECOND
from tstats.errors import (
    BrokenStreamError,
    ConfigError,
    RefusedError,
    ServerError,
    SlowError,
    TooMuchError,
    UnreachableError,
)
from tstats.transport.http import cause
from tstats.transport.retry import ONCE, RetryPolicy
from tstats.transport.session import DirectSession

_JSON = {"Accept": "application/json"}
_FORM = {**_JSON, "Content-Type": "application/x-www-form-urlencoded"}
_LINES = {**_JSON, "Content-Type": "text/plain; charset=utf-8"}
_VERSION = re.compile(r"v?(\d+)\.")
_VERSION_HEADER = "X-Influxdb-Version"
_MISSING_POLICY = "retention policy not found"
_SUPPORTED = 1
_STREAM_BYTES = 1 << 18
_MOST_BYTES = 256 << 20
# What InfluxDB says of lines that it will never take. Another server says the same of any request.
_OF_THE_LINES = {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
_DEFAULT_PORT = {"http": 8086, "https": 8086}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """The address of an InfluxDB, and what is needed to connect to it.

    Attributes:
        url: `http(s)://host:port[/path]`, without user and password.
        user, password: empty for a server without authentication.
        timeout: seconds to connect, and seconds between two bytes of an answer.
        ca_cert: a file of certificates to trust instead of the system's.
        insecure: do not verify the server's certificate.
    """

    url: str
    user: str = ""
    password: Secret = field(default_factory=Secret)
    timeout: float = 30.0
    ca_cert: str | None = None
    insecure: bool = False

    @classmethod
    def parse(cls, url: str, **options: Any) -> "Endpoint":  # noqa: ANN401 (the attributes above)
        """Parse the URL of an endpoint; a user and password in it are taken out of the URL.

        Raises:
            ConfigError: the URL is invalid.
        """
        try:
            parts = urlsplit(url)
            port = parts.port or _DEFAULT_PORT.get(parts.scheme)
            (parts.hostname or "").encode(
                "idna"
            )  # what the client below would fail at with no error of its own
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _DEFAULT_PORT or not parts.hostname or parts.query or parts.fragment:
            shown = re.sub(r"//.*@", "//", url)  # a password may hold a slash
            raise ConfigError(f"invalid URL of an InfluxDB: {shown!r}; write http://localhost:8086")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        if parts.username:
            options.setdefault("user", "")
            options["user"] = options["user"] or unquote(parts.username)
            options["password"] = options.get("password") or Secret(unquote(parts.password or ""))
        return cls(url=f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}", **options)


class Series(msgspec.Struct, frozen=True):
    """A series of an answer: `values` are rows in the order of `columns`; times are ns."""

    columns: list[str]
    name: str = ""
    tags: dict[str, str] = {}
    values: list[list[Any]] = []

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows, each by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.values]


class Result(msgspec.Struct, frozen=True):
    """The answer to one statement."""

    series: list[Series] = []
    error: str | None = None


class QueryAnswer(msgspec.Struct, frozen=True):
    """The answer to a query: a result per statement, or why there is none."""

    results: list[Result] = []
    error: str | None = None


ANSWER = msgspec.json.Decoder(QueryAnswer)


class _InfluxSession(DirectSession):
    """A session with what should be an InfluxDB; all that InfluxDB is asked to do can be done twice."""

    def __init__(self) -> None:
        super().__init__(repeat_posts=True, most_bytes=_MOST_BYTES)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401
        """Send a request.

        Raises:
            RefusedError: a 400 or 413 of a server that does not say that it is an InfluxDB; `status` is 0,
                since the lines are not the reason.
        """
        response = super().send(request, **options)
        if response.status_code in _OF_THE_LINES and _VERSION_HEADER not in response.headers:
            with response:
                words = _words(next(response.iter_content(2000), b""))
            raise RefusedError(
                f"{(request.url or '').partition('?')[0]} refused with {response.status_code}: {words}"
                f" (without {_VERSION_HEADER}: if it is no InfluxDB, correct the address or the proxy)"
            )
        return response


class Influx:
    """A client of one InfluxDB, to be shared by threads.

    Every method raises `UnreachableError` when the server cannot be reached or fails (after the retries of
    `retry`), and `RefusedError` when it says no (a parse error, a missing database, a wrong password).
    """

    def __init__(self, endpoint: Endpoint, *, retry: RetryPolicy = ONCE, connections: int = 10) -> None:
        self.endpoint = endpoint
        self.retry = retry
        parts = urlsplit(endpoint.url)
        self._client = InfluxDBClient(
            host=f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname,
            port=parts.port,
            path=parts.path,
            # As bytes: the client would encode text as Latin-1, and fail at any other letter.
            username=endpoint.user.encode() or None,
            password=endpoint.password.reveal().encode() if endpoint.user else None,
            ssl=parts.scheme == "https",
            verify_ssl=not endpoint.insecure and (endpoint.ca_cert or True),
            timeout=endpoint.timeout,
            retries=1,
            pool_size=connections,
            headers=dict(_JSON),
            session=_InfluxSession(),
        )

    @property
    def url(self) -> str:
        """The server's address, as errors and reports name it."""
        return self.endpoint.url

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def version(self) -> str:
        """Return the server's version, such as `1.6.7~rc0`.

        Raises:
            ServerError: it is not an InfluxDB 1.x.
        """
        response = self._request("ping", "GET", expected=204)
        version = response.headers.get(_VERSION_HEADER, "")
        match = _VERSION.match(version)
        if not match or int(match[1]) != _SUPPORTED:
            found = f"InfluxDB {version}" if version else "not an InfluxDB"
            raise ServerError(
                f"{self.url} is {found}; tstats works with InfluxDB 1.x (InfluxDB 2 and 3 have no"
                " retention policies and continuous queries of this kind)"
            )
        return version

    def time(self) -> int:
        """Return a time that the server's clock has passed, a second or two ago, in ns since the epoch.

        Raises:
            ServerError: the answer has no valid Date.
        """
        date = self._request("ping", "GET", expected=204).headers.get("Date", "")
        try:
            return (int(parsedate_to_datetime(date).timestamp()) - 1) * SECOND
        except (ValueError, TypeError):
            raise ServerError(f"{self.url} answered with an invalid Date: {date[:40]!r}") from None

    def query(
        self, statement: str, *, database: str | None = None, bind: Mapping[str, Any] | None = None
    ) -> list[Series]:
        """Return the series that a statement answers with; `bind` fills its `$names`."""
        form = {"q": statement, "epoch": "ns"}
        if database is not None:
            form["db"] = database
        if bind:
            form["params"] = msgspec.json.encode(bind).decode()
        response = self._request("query", "POST", data=urlencode(form).encode(), headers=_FORM)
        try:
            answer = ANSWER.decode(response.content)
        except msgspec.MsgspecError as error:
            raise ServerError(f"{self.url} answered a query with an invalid document: {error}") from error
        for problem in (answer.error, *(result.error for result in answer.results)):
            if problem:
                raise RefusedError(f"{self.url} refused {_shortened(statement)}: {problem}")
        return [series for result in answer.results for series in result.series]

    def stream(
        self,
        statement: str,
        *,
        database: str | None = None,
        accept: str = "application/json",
        rows: int = 10_000,
    ) -> Generator[bytes, None, None]:
        """Yield the bytes of the answer to a statement as they arrive, in documents of at most `rows` rows.

        Until the answer begins, the request is retried like any other. After that it is not: only the reader
        knows what starting again would mean.

        Raises:
            BrokenStreamError: the answer was cut off.
            TooMuchError: nothing came for as long as the endpoint's timeout.
        """
        form = {"q": statement, "epoch": "ns", "chunked": "true", "chunk_size": str(rows)}
        if database is not None:
            form["db"] = database
        data = urlencode(form).encode()
        # Not compressed: gzip costs the server more than the rows themselves.
        headers = {**_FORM, "Accept": accept, "Accept-Encoding": "identity"}

        def begin() -> requests.Response:
            try:
                return self._send("query", "POST", data=data, headers=headers, stream=True)
            except SlowError as error:
                raise TooMuchError(str(error), slow=True) from error

        response = self.retry.call(f"query at {self.url}", begin)
        try:
            yield from response.iter_content(_STREAM_BYTES)
        except requests.RequestException as error:
            if error.args and isinstance(error.args[0], ReadTimeoutError):
                text = f"{self.url}/query sent nothing for {self.endpoint.timeout:g} s"
                raise TooMuchError(text, slow=True) from error
            raise BrokenStreamError(f"{self.url}/query broke off: {cause(error)}") from error
        finally:
            response.close()

    def write(self, lines: bytes, *, database: str, policy: str | None = None, precision: str = "ns") -> None:
        """Write lines of line protocol; without a `policy`, to the database's default one.

        Raises:
            RefusedError: status 400 for faulty lines (the others are written), 404 for a missing database,
                413 for a body that is too large; the text holds the server's words.
        """
        params = {"db": database, "precision": precision}
        if policy is not None:
            params["rp"] = policy
        self._request("write", "POST", params=params, data=lines, headers=_LINES, expected=204)

    def _request(
        self,
        path: str,
        method: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] = _JSON,
        expected: int = 200,
    ) -> requests.Response:
        def send() -> requests.Response:
            return self._send(
                path, method, params=params, data=data, headers=headers, expected=expected, stream=False
            )

        return self.retry.call(f"{path} at {self.url}", send)

    def _send(
        self,
        path: str,
        method: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | None = None,
        headers: Mapping[str, str] = _JSON,
        expected: int = 200,
        stream: bool,
    ) -> requests.Response:
        try:
            response: requests.Response = self._client.request(
                path,
                method,
                params=params,
                data=data,
                headers=dict(headers),
                expected_response_code=expected,
                stream=stream,
            )
        except (InfluxDBClientError, InfluxDBServerError, requests.RequestException) as error:
            raise self._translated(error, path) from error
        return response

    def _translated(self, error: Exception, path: str) -> ServerError:
        where = f"{self.url}/{path}"
        if isinstance(error, InfluxDBServerError):
            words = _words(error.args[0])
            if words.startswith(_MISSING_POLICY):  # the server calls it a failure of its own: 500
                return RefusedError(f"{where} refused: {words}", status=requests.codes.not_found)
            return UnreachableError(f"{where} failed: {words}")
        if isinstance(error, InfluxDBClientError):
            words = _words(error.content)
            if error.code == requests.codes.unauthorized:
                words += " (give a user and password)"
            return RefusedError(f"{where} refused with {error.code}: {words}", status=error.code or 0)
        if isinstance(error, requests.exceptions.SSLError):
            return RefusedError(f"{where}: no TLS connection that can be trusted: {cause(error)}")
        if isinstance(error, requests.Timeout):
            kind = SlowError if isinstance(error, requests.ReadTimeout) else UnreachableError
            return kind(f"{where} did not answer within {self.endpoint.timeout:g} s")
        return UnreachableError(f"{where} cannot be reached: {cause(error)}")


def _shortened(statement: str, *, most: int = 200) -> str:
    return statement if len(statement) <= most else f"{statement[:most]}…"


def _words(content: object) -> str:
    """Return what the server said, out of the JSON or text that it said it in."""
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
    try:
        decoded = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        decoded = None
    if isinstance(decoded, dict) and isinstance(decoded.get("error"), str):
        text = decoded["error"]
    return text.strip()[:2000] or "no reason given"
