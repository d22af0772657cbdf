"""HTTP requests that are bounded in time and size, and fail with clear errors."""

import re
import time
from collections.abc import Iterator, Mapping
from http import HTTPStatus

import requests
import urllib3

from tstats.errors import RefusedError, ServerError, UnreachableError

_CONNECTION = re.compile(r"^(HTTPS?Connection\(.*?\)|<.* object at 0x\w+>): ")
_CHUNK = 1 << 16


def fetch(
    session: requests.Session,
    method: str,
    url: str,
    *,
    seconds: float,
    most_bytes: int,
    json: object = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """Return the whole body of a response.

    Args:
        session: with its authentication and TLS options.
        method: such as `GET`.
        url: errors show it without its query.
        seconds: for the whole response: a server that sends a byte now and then gets no more.
        most_bytes: of the body, decompressed.
        json: a body to send.
        headers: to send.

    Raises:
        UnreachableError: no response, not all of it in time, or a 5xx other than 501.
        RefusedError: a 4xx or 501, which `status` says; or a TLS connection that cannot be trusted.
        ServerError: a body of more than `most_bytes`.
    """
    deadline = time.monotonic() + seconds
    shown = url.partition("?")[0]
    try:
        # verify is passed for each request: REQUESTS_CA_BUNDLE would override that of the session.
        with session.request(
            method, url, json=json, headers=headers, timeout=seconds, stream=True, verify=session.verify
        ) as answer:
            body = bytearray()
            for chunk in _chunks(answer.raw, deadline):
                body += chunk
                if len(body) > most_bytes:
                    raise ServerError(f"{shown} answered with more than {most_bytes} bytes")
    except requests.exceptions.SSLError as error:
        raise RefusedError(f"{shown}: no TLS connection that can be trusted: {cause(error)}") from error
    except (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError) as error:
        raise UnreachableError(f"{shown} did not answer in full within {round(seconds, 1):g} s") from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise UnreachableError(f"{shown} cannot be reached: {cause(error)}") from error
    status = answer.status_code
    if status >= HTTPStatus.BAD_REQUEST:
        words = bytes(body[:300]).decode("utf-8", "replace").strip()
        text = f"{shown} answered {status}: {words}"
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED:
            raise UnreachableError(text)
        raise RefusedError(text, status=status)
    return bytes(body)


def _chunks(answer: urllib3.HTTPResponse, deadline: float) -> Iterator[bytes]:
    """Yield the body as it arrives, decompressed, until the deadline (a monotonic time).

    `requests` itself yields no chunk before it is full, however long that takes.

    Raises:
        TimeoutError: the deadline has passed.
    """
    while (left := deadline - time.monotonic()) > 0:
        waits_on = getattr(answer.connection, "sock", None)
        if waits_on is not None:
            waits_on.settimeout(left)
        chunk = answer.read1(_CHUNK, decode_content=True)
        if not chunk:
            return
        yield chunk
    raise TimeoutError


def cause(error: BaseException) -> str:
    """Return the innermost reason of a connection error, which comes wrapped in others."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    return _CONNECTION.sub("", str(error))
