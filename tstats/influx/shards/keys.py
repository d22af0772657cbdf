r"""Keys of TSM files: a series as line protocol writes it, then `#!~#`, then the name of the field.

Keys sort byte by byte, and all fields of a series follow one another. Within the series, commas and spaces
(and in tags equal signs) are escaped with a backslash; the name of the field is not escaped.

Source: InfluxDB's models.ParseKeyBytes and tsm1.SeriesAndFieldFromCompositeKey.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from tstats.errors import TsmError

SEPARATOR = b"#!~#"

_COMMA = re.compile(rb"(?<!\\),")
_EQUALS = re.compile(rb"(?<!\\)=")
_IN_MEASUREMENT = re.compile(rb"\\([, ])")
_IN_TAG = re.compile(rb"\\([, =])")


class SeriesKey(NamedTuple):
    """A measurement and the tags that are set.

    InfluxDB checks neither for UTF-8: a byte that is not UTF-8 is a surrogate here (PEP 383).
    """

    measurement: str
    tags: dict[str, str]


def split_key(key: bytes) -> tuple[bytes, str]:
    """Return the series, still as bytes and thus cheap to compare, and the name of the field.

    Raises:
        TsmError: the key has no field.
    """
    series, separator, field = key.partition(SEPARATOR)
    if not separator or not series or not field:
        raise TsmError(f"invalid key {key[:200]!r}: no series and field")
    return series, field.decode(errors="surrogateescape")


@lru_cache(maxsize=1 << 10)
def parse_series(series: bytes) -> SeriesKey:
    r"""Return the measurement and the tags of a series.

    >>> parse_series(rb"a\,b,host=x\=y")
    SeriesKey(measurement='a,b', tags={'host': 'x=y'})

    Raises:
        TsmError: a tag has no value, or no name.
    """
    measurement, *parts = _COMMA.split(series)
    tags: dict[str, str] = {}
    for part in parts:
        key, *rest = _EQUALS.split(part, maxsplit=1)
        if not key or not rest:
            raise TsmError(f"invalid series {series[:200]!r}: a tag without a name or a value")
        tags[_unescaped(_IN_TAG, key)] = _unescaped(_IN_TAG, rest[0])
    return SeriesKey(_unescaped(_IN_MEASUREMENT, measurement), tags)


def render_key(measurement: str, tags: Mapping[str, str], field: str) -> bytes:
    r"""Return the key of a field of a series; the inverse of `split_key` and `parse_series`.

    >>> render_key("a b", {"host": "x=y"}, "value")
    b'a\\ b,host=x\\=y#!~#value'
    """
    parts = [re.sub("[, ]", r"\\\g<0>", measurement)]
    parts += [f"{_escaped(key)}={_escaped(value)}" for key, value in sorted(tags.items()) if value]
    return (
        ",".join(parts).encode(errors="surrogateescape") + SEPARATOR + field.encode(errors="surrogateescape")
    )


def _unescaped(pattern: re.Pattern[bytes], text: bytes) -> str:
    plain = pattern.sub(rb"\1", text) if b"\\" in text else text
    return plain.decode(errors="surrogateescape")


def _escaped(text: str) -> str:
    return re.sub("[, =]", r"\\\g<0>", text)
