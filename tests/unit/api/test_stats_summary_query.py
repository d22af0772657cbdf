"""What GET stats_summary asks for: Traffic Ops' rules of its parameters, and a 400 where it fails."""

import contextlib
import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.http.problem import Problem
from tstats.api.http.query_string import parameters
from tstats.api.stats_summary import query as stats_summary_query
from tstats.api.stats_summary.query import LARGEST, LastQuery, RecordQuery, parse

NUMBERS = "Must be a whole number from"


def test_its_examples_are_true() -> None:
    assert doctest.testmod(stats_summary_query) == (0, 2)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", RecordQuery(filters={})),
        ("cdnName=c&statName=s", RecordQuery(filters={"cdn": "c", "stat": "s"})),
        ("deliveryServiceName=d", RecordQuery(filters={"deliveryservice": "d"})),
        ("cdnName=", RecordQuery(filters={"cdn": ""})),  # no record has it
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
        ("offset=x&page=y", RecordQuery(filters={})),  # they count beside a limit only
        (f"limit={LARGEST}", RecordQuery(filters={}, limit=LARGEST)),
        ("lastSummaryDate=true", LastQuery(stat=None)),
        ("lastSummaryDate=false&statName=s", LastQuery(stat="s")),  # anything but an empty text
        ("lastSummaryDate=&statName=s", RecordQuery(filters={"stat": "s"})),
        ("lastSummaryDate=true&cdnName=c&limit=5", LastQuery(stat=None)),
    ],
)
def test_what_is_asked_for(query: str, expected: RecordQuery | LastQuery) -> None:
    assert parse(parameters(query.encode())) == expected


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("limit=x", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=-2", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=1.5", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=%D9%A3", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),  # a digit, but none of ASCII
        (f"limit={LARGEST + 1}", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=" + "9" * 5000, f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("lastSummaryDate=true&limit=x", f"Invalid limit! {NUMBERS} 0, or -1 for all records"),
        ("limit=1&offset=0", f"Invalid offset! {NUMBERS} 1"),
        ("limit=1&offset=x&page=1", f"Invalid offset! {NUMBERS} 1"),
        ("limit=1&page=0", f"Invalid page! {NUMBERS} 1"),
        ("limit=-1&page=2", "Invalid page! With the limit -1 there is one page"),
        (f"limit=2&page={LARGEST}", "Invalid page! There are not so many records"),
        ("cdnName=a%00b", "Invalid cdnName! No name has the character NUL"),
    ],
)
def test_what_traffic_ops_fails_on_is_told(query: str, text: str) -> None:
    with pytest.raises(Problem) as told:
        parse(parameters(query.encode()))
    assert (told.value.status, told.value.text) == (400, text)


@given(st.dictionaries(st.sampled_from(["limit", "offset", "page", "orderby", "statName"]), st.text()))
def test_any_parameters_are_understood_or_told_to_be_wrong(given_parameters: dict[str, str]) -> None:
    with contextlib.suppress(Problem):
        query = parse(given_parameters)
        assert isinstance(query, RecordQuery)
        assert query.limit is None or 0 <= query.limit <= LARGEST
        assert 0 <= query.offset <= LARGEST
