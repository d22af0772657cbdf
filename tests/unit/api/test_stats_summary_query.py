"""The parameters of GET stats_summary: Traffic Ops' rules, and a 400 where Traffic Ops fails."""

import contextlib
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.stats_summary import query as query_module
from tstats.api.stats_summary.query import MAX_ROWS, LastQuery, RecordQuery, parse

NUMBERS = "Must be a whole number from"


def test_its_examples_work() -> None:
    assert doctest.testmod(query_module) == (0, 2)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", RecordQuery(filters={})),
        ("cdnName=c&statName=s", RecordQuery(filters={"cdn": "c", "stat": "s"})),
        ("deliveryServiceName=d", RecordQuery(filters={"deliveryservice": "d"})),
        ("cdnName=", RecordQuery(filters={"cdn": ""})),  # matches no record
        ("cdnname=c&other=1", RecordQuery(filters={})),
        ("cdnName=one&cdnName=two", RecordQuery(filters={"cdn": "one"})),
        ("orderby=cdnName", RecordQuery(filters={}, order="cdn")),
        ("orderby=statName&sortOrder=desc", RecordQuery(filters={}, order="stat", descending=True)),
        ("orderby=statName&sortOrder=DESC", RecordQuery(filters={}, order="stat")),
        ("orderby=statValue&sortOrder=desc", RecordQuery(filters={})),
        ("sortOrder=desc", RecordQuery(filters={})),
        ("limit=0", RecordQuery(filters={}, limit=0)),
        ("limit=%2B3", RecordQuery(filters={}, limit=3)),
        ("limit=-1", RecordQuery(filters={})),
        ("limit=3&offset=1", RecordQuery(filters={}, limit=3, offset=1)),
        ("limit=3&page=1", RecordQuery(filters={}, limit=3)),
        ("limit=3&page=4", RecordQuery(filters={}, limit=3, offset=9)),
        ("limit=3&offset=2&page=4", RecordQuery(filters={}, limit=3, offset=2)),
        ("limit=-1&offset=2", RecordQuery(filters={}, offset=2)),
        ("limit=-1&page=1", RecordQuery(filters={})),
        ("limit=0&page=9", RecordQuery(filters={}, limit=0)),
        ("offset=x&page=y", RecordQuery(filters={})),  # ignored without a limit
        (f"limit={MAX_ROWS}", RecordQuery(filters={}, limit=MAX_ROWS)),
        ("lastSummaryDate=true", LastQuery(stat=None)),
        ("lastSummaryDate=false&statName=s", LastQuery(stat="s")),  # anything but an empty value
        ("lastSummaryDate=&statName=s", RecordQuery(filters={"stat": "s"})),
        ("lastSummaryDate=true&cdnName=c&limit=5", LastQuery(stat=None)),
    ],
)
def test_valid_parameters(query: str, expected: RecordQuery | LastQuery) -> None:
    assert parse(parameters(query.encode())) == expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=-2", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=1.5", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        (
            "limit=%D9%A3",
            f"Invalid limit! {NUMBERS} 0, or -1 for all records",
        ),  # not an ASCII digit
        (f"limit={MAX_ROWS + 1}", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=" + "9" * 5000, f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("lastSummaryDate=true&limit=x", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=1&offset=0", f"Invalid offset! {NUMBERS} 1"),
        ("limit=1&offset=x&page=1", f"Invalid offset! {NUMBERS} 1"),
        ("limit=1&page=0", f"Invalid page! {NUMBERS} 1"),
        ("limit=-1&page=2", "Invalid page! With a limit of -1 there is only one page"),
        (f"limit=2&page={MAX_ROWS}", "Invalid page! There are not that many records"),
        ("cdnName=a%00b", "Invalid cdnName! Must not contain a NUL character"),
    ],
)
def test_invalid_parameters(query: str, text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(parameters(query.encode()))
    assert (caught.value.status, caught.value.text) == (400, text)


@given(st.dictionaries(st.sampled_from(["limit", "offset", "page", "orderby", "statName"]), st.text()))
def test_any_parameters_are_parsed_or_refused(given_parameters: dict[str, str]) -> None:
    with contextlib.suppress(Problem):
        query = parse(given_parameters)
        assert isinstance(query, RecordQuery)
        assert query.limit is None or 0 <= query.limit <= MAX_ROWS
        assert 0 <= query.offset <= MAX_ROWS
