"""Times in the notations of a request."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.core.time import NEWEST, OLDEST, parse_time

TEN = 1_778_061_600 * 10**9  # 2026-05-06 10:00 UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-06T10:00:00Z", TEN),
        ("2026-05-06T10:00:00.5Z", TEN + 5 * 10**8),
        ("2026-05-06T10:00:00,25Z", TEN + 25 * 10**7),
        ("2026-05-06T10:00:00.0000000019Z", TEN + 1),
        ("2026-05-06T12:30:00+02:30", TEN),
        ("2026-05-06T03:00:00-07:00", TEN),
        ("2026-05-06T9:00:00-01:00", TEN),
        ("2026-05-06 10:00:00+00", TEN),
        ("2026-05-06 03:00:00-07", TEN),
        ("2026-05-06 10:00:00.5+00", TEN + 5 * 10**8),
        (str(TEN), TEN),
        ("0", 0),
        ("+5", 5),
        ("-1", -1),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        ("0001-01-01T00:00:00Z", -62_135_596_800 * 10**9),
        ("0000-12-31T00:00:00Z", -62_135_683_200 * 10**9),
        ("9999-12-31T23:59:59Z", 253_402_300_799 * 10**9),
    ],
)
def test_a_time_is_parsed_to_nanoseconds_since_the_epoch(text: str, moment: int) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "garbage",
        "1.5e9",
        "5s",
        str(2**63),
        str(-(2**63) - 1),
        "9" * 5_000,
        "١٢٣",
        "2026-05-06",
        "2026-05-06T10:00:00",
        "2026-05-06t10:00:00z",
        "2026-05-06T10:00Z",
        "2026-05-06T10:00:00.Z",
        "2026-05-06T24:00:00Z",
        "2026-05-06T10:60:00Z",
        "2026-05-06T10:00:60Z",
        "2026-02-30T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "2026-05-06T10:00:00+0200",
        "2026-05-06T10:00:00+25:00",
        "2026-05-06T10:00:00+02:61",
        "2026-05-06 10:00:00",
        "2026-05-06 10:00:00Z",
        "2026-05-06 10:00:00+00:00",
        " 2026-05-06T10:00:00Z",
        "2026-05-06T10:00:00Z\n",
    ],
)
def test_anything_else_is_invalid(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time(text)


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001 (the zone comes next)
    st.integers(-14 * 60, 14 * 60),
)
def test_the_same_moment_is_parsed_from_rfc_3339_in_any_zone(local: datetime, minutes: int) -> None:
    moment = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    whole = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
    assert parse_time(moment.isoformat()) == whole * 1_000


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        assert isinstance(parse_time(text), int)
    except ValueError as error:
        assert str(error)  # noqa: PT017 (most texts are errors)


def test_the_bounds_are_those_of_influxdb() -> None:
    assert OLDEST < 0 < NEWEST
    assert parse_time("1677-09-21T00:12:44Z") > OLDEST > parse_time("1677-09-21T00:12:43Z")
    assert parse_time("2262-04-11T23:47:16Z") < NEWEST < parse_time("2262-04-11T23:47:17Z")
