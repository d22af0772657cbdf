"""Answers, and what every answer carries."""

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from starlette.responses import Response

JSON = "application/json"
KEPT = "private, no-cache"
"""Cache-Control of an answer that the caller may keep, and ask for with its ETag whether it still holds."""

_KEPT = KEPT.encode()
_PRESET = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
_OK, _NOT_MODIFIED = 200, 304
_OF_A_BODY = {b"content-length", b"content-type"}
_NO_QUALITY = re.compile(r"q\s*=\s*0(\.0*)?")
_GZIP = 16 + zlib.MAX_WBITS
_ETAG_DIGITS = 32
_FAST = 1  # of gzip's levels: most of the saving at a small part of the time


def json_answer(body: bytes, *, kind: str = JSON, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of 200 whose body is JSON already."""
    return Response(body, media_type=kind, headers=headers)


def alert(status: int, text: str, *, level: str = "error", vary: bool = True) -> Response:
    """An answer in Traffic Ops' form of a message: `{"alerts": [{"text": …, "level": …}]}`."""
    body = msgspec.json.encode({"alerts": [{"text": text, "level": level}]})
    return Response(body, status, media_type=JSON, headers={"Vary": "Accept-Encoding"} if vary else None)


def preset(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers with those that keep browsers and caches from harm, but for what the answer says itself."""
    said = {name for name, _ in headers}
    return headers + [header for header in _PRESET if header[0] not in said]


def finished(
    response: Response, *, accept_encoding: str, none_match: str | None
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body of an answer as it is sent.

    One that may be kept gets an ETag of its content, which holds as long as the content does, whatever comes
    late to InfluxDB; where the caller has that content already, it is not sent again.

    Args:
        response: with its whole body.
        accept_encoding: the request's header.
        none_match: its header If-None-Match.
    """
    body = bytes(response.body)
    status = response.status_code
    digest = hashlib.sha512(body).digest()
    headers = preset(response.raw_headers)
    headers.append((b"whole-content-sha512", base64.b64encode(digest)))
    if status == _OK and (b"cache-control", _KEPT) in headers:
        # Weak: compressed or not, it is the same content.
        etag = f'W/"{digest.hex()[:_ETAG_DIGITS]}"'
        headers.append((b"etag", etag.encode()))
        if none_match is not None and _named(etag, none_match):
            return _NOT_MODIFIED, [header for header in headers if header[0] not in _OF_A_BODY], b""
    if body and _takes_gzip(accept_encoding):
        compressor = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
        body = compressor.compress(body) + compressor.flush()
        headers = [header for header in headers if header[0] != b"content-length"]
        headers += [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
    return status, headers, body


def _named(etag: str, none_match: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


@lru_cache(maxsize=256)
def _takes_gzip(accept_encoding: str) -> bool:
    """Whether gzip is named with a quality above 0."""
    for element in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in element.split(";"))
        if coding in ("gzip", "x-gzip"):
            return not any(_NO_QUALITY.fullmatch(parameter) for parameter in parameters)
    return False
