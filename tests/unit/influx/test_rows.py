"""Rows of an answer, and the lines that write them again."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.errors import ServerError
from tstats.influx.line_protocol import point
from tstats.influx.rows import Block, Field, Kind, Lines, series_key

TAGS = {"host": "a b", "unset": ""}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("float", st.floats(allow_nan=False, allow_infinity=False)),
        ("integer", st.integers(-(2**63), 2**63 - 1)),
    ],
)
@given(data=st.data())
def test_numbers_go_over_as_the_server_wrote_them(
    kind: Kind, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), values), min_size=1, max_size=5))
    lines = Lines("m,", [Field(name="f =", kind=kind)])
    block = lines.of_text(TAGS, msgspec.json.encode(rows))
    assert block.number == len(rows)
    made = [line.rsplit(b" ", 2) for line in block.text.split(b"\n")]
    expected = [
        point("m,", tags=TAGS, fields={"f =": value}, time=moment).encode().rsplit(b" ", 2)
        for moment, value in rows
    ]
    for (series, column, moment), (same_series, same_column, same_moment) in zip(made, expected, strict=True):
        assert (series, moment) == (same_series, same_moment)
        name, value = column.rsplit(b"=", 1)
        same_name, same_value = same_column.rsplit(b"=", 1)
        assert name == same_name
        assert float(value.rstrip(b"i")) == float(same_value.rstrip(b"i"))
        assert value.endswith(b"i") == (kind == "integer")


def test_what_is_no_row_of_one_number_is_refused() -> None:
    lines = Lines("m", [Field(name="f", kind="float")])
    for text in (b"[[1,null]]", b"[[1,2,3]]"):
        with pytest.raises(ServerError, match="something else than times and numbers"):
            lines.of_text({}, text)


def test_fields_that_a_point_lacks_are_left_out() -> None:
    fields = [Field(name="a", kind="float"), Field(name="b", kind="integer"), Field(name="c", kind="boolean")]
    lines = Lines("m", fields)
    rows = [(1, 5, None, True), (2, None, None, None), (3, None, 7, False)]
    assert lines.of({}, rows) == [Block(number=2, text=b"m a=5.0,c=true 1\nm b=7i,c=false 3")]
    assert lines.of({}, rows[1:2]) == []


def test_lines_with_texts_are_never_cut_at_a_newline() -> None:
    lines = Lines("m", [Field(name="note", kind="string")])
    blocks = lines.of({}, [(1, "two\nlines"), (2, "one")])
    assert [block.number for block in blocks] == [1, 1]
    assert blocks[0].halves() == (blocks[0],)


@given(st.integers(2, 9))
def test_a_block_is_cut_into_all_of_its_lines(number: int) -> None:
    text = b"\n".join(b"m f=%d %d" % (place, place) for place in range(number))
    halves = Block(number=number, text=text).halves()
    assert b"\n".join(half.text for half in halves) == text
    assert [half.number for half in halves] == [half.text.count(b"\n") + 1 for half in halves]


@given(st.lists(st.dictionaries(st.just("a"), st.text(), min_size=1), min_size=2, max_size=2))
def test_keys_sort_as_the_bytes_that_the_server_sorts(both: list[dict[str, str]]) -> None:
    one, other = both
    by_bytes = one["a"].encode("utf-8", "surrogatepass") < other["a"].encode("utf-8", "surrogatepass")
    assert (series_key(one) < series_key(other)) == by_bytes
