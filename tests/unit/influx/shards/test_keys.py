"""Keys of TSM files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.errors import TsmError
from tstats.influx.shards.keys import parse_series, render_key, split_key

# As line protocol can write them: a backslash in front of what ends a name has no way to be written.
NAMES = st.text(st.sampled_from(', =é#!~"0ab\n'), min_size=1, max_size=8).filter(
    lambda text: "#!~#" not in text
)


@given(NAMES, st.dictionaries(NAMES, NAMES, max_size=4), NAMES)
def test_keys_round_trip(measurement: str, tags: dict[str, str], field: str) -> None:
    series, found = split_key(render_key(measurement, tags, field))
    parsed = parse_series(series)
    if not series.endswith(b"#") and b"#!~#" not in series:
        assert (parsed.measurement, parsed.tags, found) == (measurement, tags, field)


def test_a_key_as_influxdb_writes_it() -> None:
    series, field = split_key(rb"a\ b\,c=d,e\ f\=g=h\,i,j=k\l#!~#x y=z#!~#")
    assert parse_series(series) == ("a b,c=d", {"e f=g": "h,i", "j": r"k\l"})
    assert field == "x y=z#!~#"


def test_bytes_that_are_not_utf_8_come_through() -> None:
    key = b"a,b=\xff#!~#\xfe"
    series, field = split_key(key)
    assert render_key(*parse_series(series), field) == key


@pytest.mark.parametrize("key", [b"", b"a", b"#!~#f", b"a#!~#"])
def test_no_series_or_no_field(key: bytes) -> None:
    with pytest.raises(TsmError, match="no series and field"):
        split_key(key)


@pytest.mark.parametrize("series", [b"a,", b"a,b", b"a,=c", rb"a,b\=c"])
def test_damaged_tags(series: bytes) -> None:
    with pytest.raises(TsmError, match="a tag without"):
        parse_series(series)
