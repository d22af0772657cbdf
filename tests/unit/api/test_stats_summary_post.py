"""The body of POST stats_summary: what Traffic Ops accepts, and how it refuses the rest."""

import doctest
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.http.problem import Problem
from tstats.api.stats_summary import post, record
from tstats.api.stats_summary.post import parse
from tstats.api.stats_summary.record import StatsSummary, records_as_json
from tstats.simulator.summaries import PostedSummary, StatsSummaryTable

ROW: dict[str, Any] = {
    "cdnName": "cdn1",
    "deliveryServiceName": "vod",
    "statName": "daily_maxgbps",
    "statValue": 2.25,
    "summaryTime": "2026-11-21T00:10:20Z",
    "statDate": "2026-11-20",
}
RECORD: dict[str, Any] = {
    "cdn": "cdn1",
    "deliveryservice": "vod",
    "stat": "daily_maxgbps",
    "value": 2.25,
    "summary_time": datetime(2026, 11, 21, 0, 10, 20, tzinfo=UTC),
    "stat_date": date(2026, 11, 20),
}
NO_TIME = "decoding: invalid timestamp given for summaryTime"
NO_DATE = "decoding: invalid timestamp given for statDate"
WRONG_TYPE = "decoding: json: cannot unmarshal {} into Go struct field .{} of type {}"

LATE: dict[str, object] = {"summaryTime": "9999-12-31T23:59:59Z"}  # in the next year in some time zones


def posted(**changed: object) -> bytes:
    """Return the row as a body, with some keys changed; `...` leaves a key out."""
    return json.dumps({key: value for key, value in (ROW | changed).items() if value is not ...}).encode()


def at(text: str) -> dict[str, object]:
    return {"summary_time": datetime.fromisoformat(f"{text}+00:00")}


def refusal(body: bytes) -> str:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.status == 400
    return caught.value.text


@pytest.mark.parametrize("module", [post, record])
def test_its_examples_work(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type] # a module
    assert (result.failed, result.attempted > 0) == (0, True)


VALID: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {}),
    ({"cdnName": ..., "deliveryServiceName": ...}, {"cdn": "all", "deliveryservice": "all"}),
    ({"cdnName": "", "deliveryServiceName": None}, {"cdn": "all", "deliveryservice": "all"}),
    ({"cdnName": "no-such-cdn", "statName": "my own"}, {"cdn": "no-such-cdn", "stat": "my own"}),
    ({"cdnName": ..., "cdn_name": "cdn2"}, {"cdn": "all"}),
    ({"unknown": {"a": [1]}}, {}),
    ({"STATNAME": "last"}, {"stat": "last"}),
    ({"statName": ..., "StatName": "found"}, {"stat": "found"}),
    ({"statValue": -1}, {"value": -1.0}),
    ({"statValue": 10**400 // 10**399}, {"value": 10.0}),
    ({"statDate": None}, {"stat_date": None}),
    ({"statDate": ...}, {"stat_date": None}),
    ({"statDate": "2024-02-29"}, {"stat_date": date(2024, 2, 29)}),
    ({"statDate": "2026-11-20T23:04:05Z"}, {}),
    ({"statDate": "2026-11-20T23:30:00-05:00"}, {}),  # the day as written, whatever its zone
    ({"statDate": "2026-11-20 23:30:00-05"}, {}),
    ({"summaryTime": "2026-11-21"}, at("2026-11-21T00:00:00")),
    ({"summaryTime": "2026-11-21 21:51:20+00"}, at("2026-11-21T21:51:20")),
    ({"summaryTime": "2026-11-21 21:51:20.25-07"}, at("2026-11-22T04:51:20.250")),
    ({"summaryTime": "2026-11-21T21:51:20+02:30"}, at("2026-11-21T19:21:20")),
    ({"summaryTime": "2026-11-21T21:51:20.1234567Z"}, at("2026-11-21T21:51:20.123456")),
    ({"summaryTime": "2026-11-21T4:05:06Z"}, at("2026-11-21T04:05:06")),
]


@pytest.mark.parametrize(("changed", "expected"), VALID)
def test_valid_records(changed: dict[str, object], expected: dict[str, Any]) -> None:
    assert parse(posted(**changed)) == StatsSummary(**(RECORD | expected))


INVALID: list[tuple[dict[str, object], str]] = [
    ({"summaryTime": ...}, NO_TIME),
    ({"summaryTime": None}, NO_TIME),
    ({"summaryTime": ""}, NO_TIME),
    ({"summaryTime": "yesterday"}, NO_TIME),
    ({"summaryTime": "2026-11-21T21:51:20"}, NO_TIME),
    ({"summaryTime": "2026-11-21t21:51:20z"}, NO_TIME),
    ({"summaryTime": "2026-11-21T24:00:00Z"}, NO_TIME),
    ({"summaryTime": "2026-11-21 21:51:20"}, NO_TIME),
    ({"summaryTime": " 2026-11-21"}, NO_TIME),
    ({"summaryTime": "1700000000"}, NO_TIME),
    ({"summaryTime": "2026-11-21T21:51:20+25:00"}, NO_TIME),
    ({"summaryTime": "0000-01-01T00:00:00Z"}, NO_TIME),
    (LATE, NO_TIME),
    ({"statDate": ""}, NO_DATE),
    ({"statDate": "2026-02-30"}, NO_DATE),
    ({"statDate": "2026/02/03"}, NO_DATE),
    ({"statDate": "20260203"}, NO_DATE),
    ({"statDate": "", "summaryTime": "", "statName": ""}, NO_DATE),
    ({"summaryTime": "", "statName": ""}, NO_TIME),
    ({"statName": ""}, "validating: 'statName' cannot be blank"),
    ({"statName": None}, "validating: 'statName' cannot be blank"),
    ({"statValue": ...}, "validating: 'statValue' cannot be blank"),
    ({"statValue": 0}, "validating: 'statValue' cannot be blank"),
    (
        {"statName": ..., "statValue": 0},
        "validating: 'statName' cannot be blank, 'statValue' cannot be blank",
    ),
    ({"statName": "a\0b"}, "validating: 'statName' cannot contain a NUL character"),
    ({"statValue": "1.25"}, WRONG_TYPE.format("string", "statValue", "float64")),
    ({"statValue": True}, WRONG_TYPE.format("bool", "statValue", "float64")),
    ({"statValue": [1]}, WRONG_TYPE.format("array", "statValue", "float64")),
    ({"statValue": 10**400}, WRONG_TYPE.format("number", "statValue", "float64")),
    ({"summaryTime": 1700000000}, WRONG_TYPE.format("number", "summaryTime", "string")),
    ({"statName": {}}, WRONG_TYPE.format("object", "statName", "string")),
    ({"cdnName": 1, "summaryTime": 2}, WRONG_TYPE.format("number", "cdnName", "string")),
    ({"cdnName": 1, "statDate": ""}, WRONG_TYPE.format("number", "cdnName", "string")),
]


@pytest.mark.parametrize(("changed", "text"), INVALID)
def test_invalid_records(changed: dict[str, object], text: str) -> None:
    assert refusal(posted(**changed)) == text


def test_the_first_wrong_type_in_the_body_is_reported() -> None:
    assert "field .statValue of" in refusal(b'{"statValue": "1", "cdnName": 2}')
    assert "field .cdnName of" in refusal(b'{"cdnName": 2, "statValue": "1"}')


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "decoding: EOF"),
        (b" \n", "decoding: EOF"),
        (b'{"statName":', "decoding: unexpected EOF"),
        (b'{"statName": "a', "decoding: unexpected EOF"),
        (b"[]", "decoding: json: cannot unmarshal array into Go value of an object"),
        (b'"text"', "decoding: json: cannot unmarshal string into Go value of an object"),
        (b"null", "decoding: json: cannot unmarshal null into Go value of an object"),
        (b"{]", "decoding: invalid JSON: Expecting property name enclosed in double quotes at character 2"),
        (b'{"statValue": NaN}', "decoding: invalid JSON: NaN is not a JSON value at character 1"),
        (b'{"a":' + b"[" * 100_000, "decoding: exceeded max depth"),
    ],
)
def test_bodies_that_are_not_records(body: bytes, text: str) -> None:
    assert refusal(body) == text


def test_anything_after_the_record_is_ignored() -> None:
    assert parse(posted() + b" and more").cdn == "cdn1"


def test_invalid_unicode_becomes_a_replacement_character() -> None:
    assert parse(posted(statName="\ud800a")).stat == "\ufffda"
    assert parse(posted(statName="LATIN").replace(b"LATIN", b"\xff")).stat == "\ufffd"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    st.lists,
    max_leaves=3,
)


def outcome(body: bytes) -> StatsSummary | str:
    """Return the record, or why it is refused."""
    try:
        return parse(body)
    except Problem as problem:
        return f"{problem.status} {problem.text}"


@given(
    st.dictionaries(st.sampled_from(sorted(ROW)), JSON | st.sampled_from(list(ROW.values()))) | st.binary()
)
def test_any_body_is_a_valid_record_or_is_refused(body: object) -> None:
    found = outcome(body if isinstance(body, bytes) else json.dumps(body).encode())
    if isinstance(found, str):
        assert found.startswith(("400 decoding: ", "400 validating: "))
        return
    for version in ("4.0", "5.0"):
        assert json.loads(records_as_json([found], version))["statName"] == found.stat


# --- the simulator implements Traffic Ops' rules independently

NOT_SIMULATED = ({"statName": "a\0b"}, {"statValue": 10**400}, {"summaryTime": "2026-11-21T4:05:06Z"}, LATE)


@pytest.mark.parametrize("changed", [case for case, _ in (*VALID, *INVALID) if case not in NOT_SIMULATED])
def test_the_simulated_traffic_ops_agrees(changed: dict[str, object]) -> None:
    summaries = StatsSummaryTable()
    response = summaries.post(posted(**changed))
    found = outcome(posted(**changed))
    if isinstance(found, str):
        (alert,) = json.loads(response.body)["alerts"]
        assert f"{response.status} {alert['text']}" == found
        return
    (row,) = summaries.rows
    assert row == PostedSummary(
        cdn=found.cdn,
        delivery_service=found.deliveryservice,
        stat=found.stat,
        value=found.value,
        summary_time=found.summary_time,
        stat_date=found.stat_date,
    )
