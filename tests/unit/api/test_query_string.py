"""The parameters of a URL."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.http.query_string import parameters


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", {}),
        (b"&&", {}),
        (b"a=1&b=2", {"a": "1", "b": "2"}),
        (b"a=1&a=2", {"a": "1"}),
        (b"a", {"a": ""}),
        (b"a=b=c", {"a": "b=c"}),
        (b"a=1+2%2B3", {"a": "1 2+3"}),
        (b"%61=x", {"a": "x"}),
        (b"a=1;b=2&c=3", {"c": "3"}),
        (b"a=%zz&b=%2&c=3", {"c": "3"}),
        (b"a=%ff", {"a": "�"}),
    ],
)
def test_parameters_are_parsed_as_traffic_ops_does(query: bytes, found: dict[str, str]) -> None:
    assert parameters(query) == found


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_encoded_parameters_round_trip(given: dict[str, str]) -> None:
    assert parameters(urlencode(given).encode()) == given


@given(st.binary())
def test_any_bytes_can_be_parsed(query: bytes) -> None:
    assert all(isinstance(value, str) for value in parameters(query).values())
