"""Responses, and the headers that every response carries."""

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

import msgspec
from starlette.responses import Response

JSON = "application/json"
REVALIDATE = "private, no-cache"
"""Cache-Control of a response that the caller may keep and must revalidate by its ETag."""

Headers = list[tuple[bytes, bytes]]

_REVALIDATE = REVALIDATE.encode()
_DEFAULT_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
_BODY_HEADERS = {b"content-length", b"content-type"}
_ZERO_QUALITY = re.compile(r"q\s*=\s*0(\.0*)?")
_GZIP = 16 + zlib.MAX_WBITS
_ETAG_DIGITS = 32
_FAST = 1  # the gzip level that saves most of the bytes in a fraction of the time


def json_response(
    body: bytes, *, media_type: str = JSON, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a 200 whose body is JSON already."""
    return Response(body, media_type=media_type, headers=headers)


def alert_response(status: HTTPStatus, text: str, *, level: str = "error", vary: bool = True) -> Response:
    """Return a message in the form of Traffic Ops: `{"alerts": [{"text": …, "level": …}]}`."""
    body = msgspec.json.encode({"alerts": [{"text": text, "level": level}]})
    return Response(body, status, media_type=JSON, headers={"Vary": "Accept-Encoding"} if vary else None)


def with_defaults(headers: Headers) -> Headers:
    """Return headers with those added that protect browsers and caches, unless they are set already."""
    names = {name for name, _ in headers}
    return headers + [header for header in _DEFAULT_HEADERS if header[0] not in names]


def finalize(
    response: Response, *, accept_encoding: str, if_none_match: str | None
) -> tuple[int, Headers, bytes]:
    """Return status, headers and body of a response as they are sent.

    A response that may be kept gets an ETag made from its content: it stays valid exactly as long as the
    content does, even when points arrive late in InfluxDB. A caller who has that content already gets a 304.

    Args:
        response: the response with its whole body.
        accept_encoding: the request's header Accept-Encoding.
        if_none_match: the request's header If-None-Match.
    """
    body = bytes(response.body)
    status = response.status_code
    digest = hashlib.sha512(body).digest()
    headers = with_defaults(response.raw_headers)
    headers.append((b"whole-content-sha512", base64.b64encode(digest)))
    if status == HTTPStatus.OK and (b"cache-control", _REVALIDATE) in headers:
        # A weak ETag: compressed or not, it is the same content.
        etag = f'W/"{digest.hex()[:_ETAG_DIGITS]}"'
        headers.append((b"etag", etag.encode()))
        if if_none_match is not None and _matches(etag, if_none_match):
            headers = [header for header in headers if header[0] not in _BODY_HEADERS]
            return HTTPStatus.NOT_MODIFIED, headers, b""
    if body and _accepts_gzip(accept_encoding):
        compressor = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
        body = compressor.compress(body) + compressor.flush()
        headers = [header for header in headers if header[0] != b"content-length"]
        headers += [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
    return status, headers, body


def _matches(etag: str, if_none_match: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


@lru_cache(maxsize=256)
def _accepts_gzip(accept_encoding: str) -> bool:
    """Return whether gzip is listed with a quality above 0."""
    for element in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in element.split(";"))
        if coding in ("gzip", "x-gzip"):
            return not any(_ZERO_QUALITY.fullmatch(parameter) for parameter in parameters)
    return False
