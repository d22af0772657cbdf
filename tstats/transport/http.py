"""What the HTTP servers around us have in common: bounds in time and size, and clear errors."""

import re
import time
from collections.abc import Iterator, Mapping

import requests
import urllib3

from tstats.errors import RefusedError, ServerError, UnreachableError

_CONNECTION = re.compile(r"^(HTTPS?Connection\(.*?\)|<.* object at 0x\w+>): ")
_CHUNK = 1 << 16
_SERVER_ERROR = 500
_NOT_IMPLEMENTED = 501
_CLIENT_ERROR = 400


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
    """The whole body of an answer that came within a time and a size.

    The time holds for the answer as a whole: a server that sends a byte of the body now and then does not
    stretch it.

    Raises:
        UnreachableError: no answer, a late one, a 5xx but 501.
        RefusedError: a 4xx or 501; `status` says which.
        ServerError: a body of more than `most_bytes`.
    """
    deadline = time.monotonic() + seconds
    shown = url.partition("?")[0]
    try:
        # Said for each request: REQUESTS_CA_BUNDLE in the environment goes before the session's own.
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
    if status >= _CLIENT_ERROR:
        words = bytes(body[:300]).decode("utf-8", "replace").strip()
        text = f"{shown} answered {status}: {words}"
        if status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED:
            raise UnreachableError(text)
        raise RefusedError(text, status=status)
    return bytes(body)


def _chunks(answer: urllib3.HTTPResponse, deadline: float) -> Iterator[bytes]:
    """The body as it arrives, decompressed; each wait for more ends at the deadline (a monotonic time).

    `requests` gives no chunk before it is full, however long that takes.

    Raises:
        TimeoutError: the deadline is over.
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
    """The innermost reason of a connection error, which comes wrapped in others."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            break
        error = inner
    return _CONNECTION.sub("", str(error))
