"""Comparing what the source of a rollup gives with what the rollup holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.catalog import ROLLUPS_BY_NAME
from tstats.core.time import HOUR, MINUTE
from tstats.core.windows import Window
from tstats.rollups.compare import CellDifference, Evidence, Slot, compare_cells

MEAN, SUM = ROLLUPS_BY_NAME["bandwidth_1min"], ROLLUPS_BY_NAME["bandwidth_cdn_1min"]
FIRST, SECOND = (("cdn", "cdn1"),), (("cdn", "cdn2"),)
HOUR_WINDOW = Window(start=0, end=HOUR)

cells = st.dictionaries(
    st.sampled_from([FIRST, SECOND]),
    st.dictionaries(st.integers(0, 5).map(lambda n: n * MINUTE), st.integers(-3, 3).map(float)),
)


@given(cells)
def test_equal_cells_do_not_differ(same: dict[tuple[tuple[str, str], ...], dict[int, float]]) -> None:
    assert not compare_cells(same, same)


@given(cells, cells)
def test_exactly_the_cells_of_the_source_without_an_equal_differ(
    source: dict[tuple[tuple[str, str], ...], dict[int, float]],
    target: dict[tuple[tuple[str, str], ...], dict[int, float]],
) -> None:
    found = compare_cells(source, target)
    wanted = {(series, moment): value for series, own in source.items() for moment, value in own.items()}
    have = {(series, moment): value for series, own in target.items() for moment, value in own.items()}
    assert found.missing == {key[1] for key in wanted if key not in have}
    assert found.stale == {key[1] for key in wanted if key in have and have[key] != wanted[key]}


def test_a_cell_without_a_source_is_ignored() -> None:
    assert not compare_cells({}, {FIRST: {0: 1.0}})


def test_the_last_bits_of_a_sum_are_ignored_but_a_small_change_is_not() -> None:
    assert not compare_cells({FIRST: {0: 0.1 + 0.2}}, {FIRST: {0: 0.3}})
    assert compare_cells({FIRST: {0: 1e9 + 0.1}}, {FIRST: {0: 1e9}}).stale == {0}


def slot(*, source: float, cells: int, total: float) -> Slot:
    return Slot(window=HOUR_WINDOW, source=source, cells=cells, total=total)


def test_a_mean_of_means_that_equals_the_mean_does_not_deviate() -> None:
    assert slot(source=0.1, cells=3, total=0.1 + 0.1 + 0.1).deviation(MEAN) == 0
    assert slot(source=0, cells=60, total=0).deviation(MEAN) == 0


def test_a_sum_must_equal_the_sum_of_its_source() -> None:
    assert slot(source=600.0, cells=60, total=600.0).deviation(SUM) == 0
    assert slot(source=600.0, cells=60, total=606.0).deviation(SUM) == pytest.approx(0.0099, abs=1e-4)
    assert slot(source=1.0, cells=60, total=-1.0).deviation(SUM) == 2


def test_a_slot_is_full_when_every_series_has_every_minute() -> None:
    assert slot(source=1.0, cells=120, total=1.0).is_full(MEAN, 2)
    assert not slot(source=1.0, cells=119, total=1.0).is_full(MEAN, 2)
    assert not slot(source=1.0, cells=120, total=1.0).is_full(MEAN, 3)


def test_evidence_becomes_windows_of_neighbouring_intervals() -> None:
    evidence = Evidence()
    assert evidence.add(CellDifference(missing=frozenset({0, MINUTE}), stale=frozenset({5 * MINUTE})))
    assert evidence.add(CellDifference(missing=frozenset({2 * MINUTE})))
    assert not evidence.add(CellDifference())
    finding = evidence.finding(MEAN, HOUR_WINDOW)
    assert finding.missing == (Window(start=0, end=3 * MINUTE),)
    assert finding.stale == (Window(start=5 * MINUTE, end=6 * MINUTE),)
    assert finding.windows == finding.missing + finding.stale
