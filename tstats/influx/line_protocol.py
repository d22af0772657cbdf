r"""Line protocol: `measurement,tag=value field=value time`, a point per line.

What it has no way to write is refused here, before a server would cut the line in two or store another
name (measured with InfluxDB 1.6): a newline or an empty text in a measurement, tag or field name; a
backslash at the end of one (it would escape the separator that follows); and in a measurement or a field's
name a tab or NUL at its beginning (skipped as space) and a backslash before a comma, space, equal sign or
quote (eaten, or stored where no query finds it). A measurement that begins with `#` would be a comment; a
tag or field named `time` is refused by the server or dropped without a word; half of a surrogate pair is no
UTF-8. A tag with an empty value is a tag that is not set: it is left out.
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from tstats.errors import LineProtocolError

FieldValue = float | int | bool | str

_REMEMBERED = 1 << 14  # names: the same few come again for each series
_TIME = "time"
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_LOST = re.compile(r'^[\t\0]|\\[,= "]')


def _check(text: str, what: str) -> None:
    if not text or "\n" in text or text[-1] == "\\" or _HALF_PAIR.search(text):
        raise LineProtocolError(f"line protocol cannot write the {what} {text!r}")


@lru_cache(maxsize=_REMEMBERED)
def measurement(name: str) -> str:
    """Return a measurement's name with its commas and spaces escaped."""
    _check(name, "measurement")
    if name[0] == "#" or _LOST.search(name):
        raise LineProtocolError(f"line protocol cannot write the measurement {name!r}")
    return name.replace(",", "\\,").replace(" ", "\\ ")


@lru_cache(maxsize=_REMEMBERED)
def key(name: str) -> str:
    """Return a tag's key or value with commas, equal signs and spaces escaped."""
    _check(name, "tag")
    return name.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def field_key(name: str) -> str:
    """Return a field's key, escaped like a tag's."""
    _check(name, "field")
    if name == _TIME or _LOST.search(name):
        raise LineProtocolError(f"line protocol cannot write the field {name!r}")
    return key(name)


def tag_set(tags: Mapping[str, str]) -> str:
    """Return `,key=value…` in the order of the keys, which saves the server a sort, without unset tags."""
    if tags.get(_TIME):
        raise LineProtocolError("InfluxDB takes no tag of the name 'time'")
    return "".join(f",{key(name)}={key(tags[name])}" for name in sorted(tags) if tags[name])


def field_value(value: FieldValue) -> str:
    """Return a field's value: `1.5` float, `2i` integer, `true` boolean, `"text"` string.

    Raises:
        LineProtocolError: a float that is no finite number, an integer of more than 64 bits, no UTF-8.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise LineProtocolError(f"an integer field has 64 bits: {value}")
        return f"{value}i"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise LineProtocolError(f"a float field is a finite number, not {value}")
        return repr(value)
    if _HALF_PAIR.search(value):
        raise LineProtocolError(f"a text field is UTF-8, not {value!r}")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def point(name: str, *, tags: Mapping[str, str], fields: Mapping[str, FieldValue], time: int) -> str:
    """Return a line, without its newline.

    Args:
        name: the measurement.
        tags: may be empty.
        fields: at least one.
        time: in the precision that the write request names.

    Raises:
        LineProtocolError: a part of it cannot be written.
    """
    if not fields:
        raise LineProtocolError(f"a point of {name!r} has no field")
    columns = ",".join(f"{field_key(column)}={field_value(value)}" for column, value in fields.items())
    return f"{measurement(name)}{tag_set(tags)} {columns} {time}"
