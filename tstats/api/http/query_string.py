"""The parameters of a URL, read as Traffic Ops reads them."""

import re
from urllib.parse import unquote_to_bytes

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def parameters(query: bytes) -> dict[str, str]:
    """The parameters of a query string; of a name that comes twice, the first one.

    A pair that cannot be read (a semicolon in it, a percent sign without two hexadecimal digits) is a pair
    that is not there. Bytes that are no UTF-8 become U+FFFD.

    >>> parameters(b"cdnName=a+b%2Fc&interval&limit=1;x&cdnName=d")
    {'cdnName': 'a b/c', 'interval': ''}
    """
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        if not pair or b";" in pair or _BAD_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition(b"=")
        found.setdefault(_text(name), _text(value))
    return found


def _text(encoded: bytes) -> str:
    return unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8", "replace")
