"""Whatever line protocol is willing to write, a real influxd reads back equal."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tstats.errors import LineProtocolError, RefusedError
from tstats.influx import line_protocol
from tstats.influx.client import Influx
from tstats.influx.line_protocol import FieldValue

CHARACTERS = st.sampled_from(",= \\\"'\t\r\0\v#/é😀\u2028ab1") | st.characters(codec="utf-8")
HOSTILE = st.text(CHARACTERS, max_size=12)
FIELDS = (
    st.floats(allow_nan=False, allow_infinity=False, width=64)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | HOSTILE
    | st.text(st.sampled_from('\n\\"a'), max_size=8)
)
NUMBER = "n"  # the tag by which each example finds its own point
NUMBERS = itertools.count()
SERVER = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def writable(write: st.SearchStrategy[str], name: str) -> st.SearchStrategy[str]:
    """Those texts that `influx/line_protocol` accepts as a measurement, key or field_key."""

    def accepted(text: str) -> bool:
        try:
            getattr(line_protocol, name)(text)
        except LineProtocolError:
            return False
        return text not in {NUMBER, "time"}

    return write.filter(accepted)


MEASUREMENTS = writable(HOSTILE, "measurement")
TAGS = writable(HOSTILE, "key")
FIELD_NAMES = writable(HOSTILE, "field_key")


@pytest.fixture
def database(influx: Influx) -> Influx:
    influx.query("CREATE DATABASE db")
    return influx


def stored(
    influx: Influx, number: int, *, source: str = "/.*/"
) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """Name, set tags and set fields of each point with this number."""
    statement = f"SELECT * FROM {source} WHERE {NUMBER} = '{number}' GROUP BY *"
    return [
        (
            series.name,
            {key: value for key, value in series.tags.items() if value and key != NUMBER},
            {key: value for key, value in row.items() if key != "time" and value is not None},
        )
        for series in influx.query(statement, database="db")
        for row in series.rows()
    ]


@SERVER
@given(name=MEASUREMENTS)
def test_any_measurement(database: Influx, name: str) -> None:
    number = next(NUMBERS)
    line = line_protocol.point(name, tags={NUMBER: str(number)}, fields={"value": 1.5}, time=1)
    database.write(line.encode(), database="db")
    assert stored(database, number) == [(name, {}, {"value": 1.5})]


@SERVER
@given(tags=st.dictionaries(TAGS, TAGS, max_size=4))
def test_any_tags(database: Influx, tags: dict[str, str]) -> None:
    number = next(NUMBERS)
    line = line_protocol.point("m", tags={**tags, NUMBER: str(number)}, fields={"__value": 1.5}, time=1)
    database.write(line.encode(), database="db")
    assert stored(database, number) == [("m", tags, {"__value": 1.5})]


@SERVER
@given(fields=st.dictionaries(FIELD_NAMES, FIELDS, min_size=1, max_size=4))
def test_any_fields(database: Influx, fields: dict[str, FieldValue]) -> None:
    number = next(NUMBERS)
    name = f"m{number}"  # one for each example, and read by its name: a field has one type in a query
    line = line_protocol.point(name, tags={NUMBER: str(number)}, fields=fields, time=1)
    database.write(line.encode(), database="db")
    ((found, tags, values),) = stored(database, number, source=name)
    assert (found, tags, values.keys()) == (name, {}, fields.keys())
    for key, value in fields.items():
        # JSON shows a whole float as an integer, in the digits that are enough for a float.
        assert type(value)(values[key]) == value


@SERVER
@given(time=st.integers(-(2**63) + 2, 2**63 - 2))
def test_any_time_to_the_nanosecond(database: Influx, time: int) -> None:
    number = next(NUMBERS)
    line = line_protocol.point("t", tags={NUMBER: str(number)}, fields={"value": 1}, time=time)
    database.write(line.encode(), database="db")
    bounds = "time >= -9223372036854775806 AND time <= 9223372036854775806"  # else it ends now
    (series,) = database.query(f"SELECT value FROM t WHERE {NUMBER} = '{number}' AND {bounds}", database="db")
    assert series.values == [[time, 1]]


def test_what_is_refused_would_have_been_stored_as_something_else(database: Influx) -> None:
    """The reasons of the refusals, seen on a server: should it learn better, they can go."""
    lines = {
        b"a\nb value=1 1": None,  # two lines, and the first is none
        b"#c,n=1 value=1 1": [],
        b"\tt,n=2 value=1 1": ["t"],
        b'q\\"q,n=3 value=1 1': ['q"q'],
        b"b\\\\,b,n=4 value=1 1": [],  # it is stored, and no query finds it
    }
    for number, (line, names) in enumerate(lines.items()):
        if names is None:
            with pytest.raises(RefusedError):
                database.write(line, database="db")
        else:
            database.write(line, database="db")
            assert [name for name, _, _ in stored(database, number)] == names


def test_a_field_named_time_would_be_dropped_without_a_word(database: Influx) -> None:
    database.write(b"m,n=1 time=5,value=1 7", database="db")
    assert stored(database, 1) == [("m", {}, {"value": 1})]
