"""The parameters of a URL, parsed as Traffic Ops parses them."""

import re
from urllib.parse import unquote_to_bytes

_INVALID_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parameters(query: bytes) -> dict[str, str]:
    """Return the parameters of a query string; of a repeated parameter, the first value.

    An invalid pair (with a semicolon, or a percent sign without two hexadecimal digits) is ignored. Bytes
    that are not UTF-8 become U+FFFD.

    >>> parameters(b"cdnName=a+b%2Fc&interval&limit=1;x&cdnName=d")
    {'cdnName': 'a b/c', 'interval': ''}
    """
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair or b";" in pair or _INVALID_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition(b"=")
        found.setdefault(_decode(name), _decode(value))
    return found


def _decode(encoded: bytes) -> str:
    return unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8", "replace")
