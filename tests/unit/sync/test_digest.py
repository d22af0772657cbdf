"""What digests tell apart, and what they cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.core.windows import Window
from tstats.influx.rows import Field, Row
from tstats.sync.digest import (
    BUCKET,
    Column,
    Comparison,
    Digest,
    columns,
    compare,
    differ_beyond_doubt,
    equal,
    numbers_of,
)

FLOAT = Field(name="value", kind="float")
INTEGER = Field(name="hits", kind="integer")
TEXT = Field(name="note", kind="string")
OF = columns([FLOAT])


def digest(rows: dict[str, list[Row]], of: tuple[Column, ...] = OF) -> Digest:
    made = Digest(of)
    for group, numbers in rows.items():
        add(made, group, numbers, of)
    return made


def add(made: Digest, group: str, rows: list[Row], of: tuple[Column, ...] = OF) -> None:
    """Add rows of all columns, column by column."""
    for place in range(len(of)):
        made.add(group, place, [(row[0], row[1 + place]) for row in rows])


def test_numbers_are_counted_and_summed_and_texts_are_counted() -> None:
    assert [(column.function, column.field.name) for column in columns([FLOAT, INTEGER, TEXT])] == [
        ("count", "value"),
        ("sum", "value"),
        ("count", "hits"),
        ("sum", "hits"),
        ("count", "note"),
    ]


def test_each_hour_is_compared_by_itself() -> None:
    source = digest({"": [(0, 2, 5.0), (BUCKET, 2, 5.0), (2 * BUCKET, 1, 1.0)]})
    target = digest({"": [(0, 2, 5.0), (BUCKET, 1, 5.0), (3 * BUCKET, 1, 1.0)]})
    assert compare(source, target, OF) == {
        0: Comparison.EQUAL,
        BUCKET: Comparison.DIFFERENT,
        2 * BUCKET: Comparison.ABSENT,
        3 * BUCKET: Comparison.DIFFERENT,
    }


def test_an_hour_of_which_the_target_has_another_group_is_not_absent() -> None:
    source = digest({"cdn1": [(0, 1, 1.0)], "cdn2": [(0, 1, 1.0)]})
    assert compare(source, digest({"cdn2": [(0, 1, 1.0)]}), OF) == {0: Comparison.DIFFERENT}


def test_points_that_moved_to_another_group_are_seen() -> None:
    one, other = digest({"cdn1": [(0, 1, 1.0)]}), digest({"cdn2": [(0, 1, 1.0)]})
    assert compare(one, other, OF) == {0: Comparison.DIFFERENT}


@pytest.mark.parametrize("less", [1, 60, 60_000])
def test_one_point_less_is_seen_whatever_its_value(less: int) -> None:
    assert not equal((less, 0.0), (less - 1, 0.0), OF)


@given(
    st.lists(st.floats(0, 1e12), min_size=1, max_size=50).flatmap(
        lambda one: st.tuples(st.just(one), st.permutations(one))
    )
)
def test_another_order_of_summation_is_no_difference(orders: tuple[list[float], list[float]]) -> None:
    one, other = orders
    assert equal((len(one), sum(one)), (len(other), sum(other)), OF)


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=60), st.data())
def test_a_value_that_is_lower_by_a_millionth_is_seen(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    lower = list(values)
    lower[place] -= max(values) * 1e-6
    assert not equal((len(values), sum(values)), (len(values), sum(lower)), OF)


def test_a_sum_that_no_rounding_explains_differs_beyond_doubt_whatever_the_counts() -> None:
    source = digest({"": [(0, 0, 5e8), (BUCKET, 0, 5e8), (2 * BUCKET, 2, 0.0), (3 * BUCKET, 1, 1.0)]})
    target = digest({"": [(0, 0, 5e8 + 1e-3), (BUCKET, 0, 5e8 + 10), (2 * BUCKET, 1, 0.0)]})
    assert differ_beyond_doubt(source, target, OF) == {BUCKET, 3 * BUCKET}


def test_any_two_sums_of_integers_differ_beyond_doubt() -> None:
    of = columns([INTEGER])
    one, other = digest({"": [(0, 0, 2**62)]}, of), digest({"": [(0, 0, 2**62 + 1)]}, of)
    assert differ_beyond_doubt(one, other, of) == {0}


def test_sums_of_integers_are_exact() -> None:
    of = columns([INTEGER])
    assert not equal((10**6, 2**62), (10**6, 2**62 + 1), of)


def test_values_exchanged_within_one_hour_are_not_seen() -> None:
    """The documented blindness: it is here so that a change of it is noticed."""
    one = digest({"": [(0, *numbers_of((1, 5.0), OF, [1, 1]))]})
    add(one, "", [(0, *numbers_of((2, 7.0), OF, [1, 1]))])
    other = digest({"": [(0, *numbers_of((1, 7.0), OF, [1, 1]))]})
    add(other, "", [(0, *numbers_of((2, 5.0), OF, [1, 1]))])
    assert compare(one, other, OF) == {0: Comparison.EQUAL}


def test_an_answer_without_points_is_no_cell() -> None:
    assert digest({"": [(0, 0, None)]}).cells == {}


def test_a_sum_of_zero_is_of_some_points_also_before_they_are_counted() -> None:
    assert digest({"": [(0, 0, 0.0)]}).cells == {(0, ""): (0, 0.0)}


def test_without_groups_the_numbers_of_an_hour_add_up() -> None:
    grouped = digest({"a": [(0, 1, 2.0)], "b": [(0, 2, 3.0), (BUCKET, 1, 4.0)]})
    assert grouped.ungrouped().cells == {(0, ""): (3, 5.0), (BUCKET, ""): (1, 4.0)}


def test_digests_of_parts_add_up() -> None:
    whole = digest({"a": [(0, 1, 2.0)], "b": [(BUCKET, 1, 4.0)]})
    whole.merge(digest({"a": [(0, 2, 3.0)]}))
    assert whole.cells == {(0, "a"): (3, 5.0), (BUCKET, "b"): (1, 4.0)}
    assert whole.totals() == {0: (3, 5.0), BUCKET: (1, 4.0)}
    assert whole.total() == (4, 9.0)
    assert whole.points(Window(start=0, end=BUCKET)) == 3
