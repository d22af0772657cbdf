"""Line protocol: what each part looks like, and what is refused because no line can hold it.

That a server reads back what was written is shown in tests/integration/influx/test_line_protocol.py.
"""

import math

import pytest

from tstats.errors import LineProtocolError
from tstats.influx import line_protocol
from tstats.influx.line_protocol import FieldValue


def test_a_point_is_one_line_with_its_tags_in_order() -> None:
    line = line_protocol.point(
        "bandwidth", tags={"hostname": "edge-01", "cdn": "cdn1"}, fields={"value": 1.5}, time=17
    )
    assert line == "bandwidth,cdn=cdn1,hostname=edge-01 value=1.5 17"


def test_a_point_may_have_no_tag_and_several_fields() -> None:
    assert line_protocol.point("m", tags={}, fields={"a": 1, "b": True}, time=-1) == "m a=1i,b=true -1"


def test_a_point_has_a_field() -> None:
    with pytest.raises(LineProtocolError, match="no field"):
        line_protocol.point("m", tags={}, fields={}, time=1)


def test_a_tag_without_a_value_is_a_tag_that_is_not_set() -> None:
    assert line_protocol.tag_set({"cdn": "cdn1", "type": ""}) == ",cdn=cdn1"


@pytest.mark.parametrize(
    ("name", "written"),
    [("a b", r"a\ b"), ("a,b", r"a\,b"), ("a=b", "a=b"), ('a"b', 'a"b'), (r"a\b", r"a\b"), ("😀", "😀")],
)
def test_a_measurement_escapes_commas_and_spaces(name: str, written: str) -> None:
    assert line_protocol.measurement(name) == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a b", r"a\ b"),
        ("a,b", r"a\,b"),
        ("a=b", r"a\=b"),
        ('a"b', 'a"b'),
        (r"a\b", r"a\b"),
        (r"a\,b", r"a\\,b"),
    ],
)
def test_a_tag_escapes_commas_equal_signs_and_spaces(text: str, written: str) -> None:
    assert line_protocol.key(text) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5.0, "5.0"),
        (0.1, "0.1"),
        (1e21, "1e+21"),
        (-0.0, "-0.0"),
        (5, "5i"),
        (-(2**63), "-9223372036854775808i"),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ('say "hi" \\', r'"say \"hi\" \\"'),
        ("two\nlines", '"two\nlines"'),
    ],
)
def test_a_field_shows_its_type(value: FieldValue, written: str) -> None:
    assert line_protocol.field_value(value) == written


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**63, -(2**63) - 1, "\ud800"])
def test_a_value_that_the_server_has_no_type_for_is_refused(value: FieldValue) -> None:
    with pytest.raises(LineProtocolError):
        line_protocol.field_value(value)


@pytest.mark.parametrize("text", ["", "a\nb", "a\\", "\\", "\udc00"])
def test_no_name_and_no_tag_can_be_empty_hold_a_newline_or_end_in_a_backslash(text: str) -> None:
    for write in (line_protocol.measurement, line_protocol.key, line_protocol.field_key):
        with pytest.raises(LineProtocolError, match="cannot write"):
            write(text)


@pytest.mark.parametrize("text", ["\ta", "\0a", r"a\,b", r"a\ b", r"a\=b", r"a\"b"])
def test_a_measurement_or_field_that_the_server_would_store_as_another_is_refused(text: str) -> None:
    for write in (line_protocol.measurement, line_protocol.field_key):
        with pytest.raises(LineProtocolError, match="cannot write"):
            write(text)
    assert line_protocol.key(text)


def test_a_measurement_that_would_be_a_comment_is_refused() -> None:
    with pytest.raises(LineProtocolError, match="'#1'"):
        line_protocol.measurement("#1")
    assert line_protocol.key("#1") == "#1"


def test_nothing_but_the_time_is_named_time() -> None:
    with pytest.raises(LineProtocolError, match="'time'"):
        line_protocol.point("m", tags={"time": "1"}, fields={"value": 1.0}, time=1)
    with pytest.raises(LineProtocolError, match="'time'"):
        line_protocol.point("m", tags={}, fields={"time": 1.0}, time=1)
    assert line_protocol.point("time", tags={"cdn": "time"}, fields={"f": "time"}, time=1)
