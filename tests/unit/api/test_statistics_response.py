"""The bodies of the statistics, made from what InfluxDB returned."""

import json
from typing import Any

import pytest

from tstats.api.statistics.response import current_stats_body, stats_body
from tstats.influx.client import Series

COLUMNS = ["time", "average", "count", "fifthPercentile", "max", "min"]
COLUMNS += ["ninetyEighthPercentile", "ninetyFifthPercentile"]
SUMMARY = Series(columns=COLUMNS, values=[["2026-05-06T10:00:00Z", 4.5, 10, 1, 9, 0, 8.5, 8]])
FIGURES = {
    "average": 4.5,
    "count": 10,
    "fifthPercentile": 1,
    "max": 9,
    "min": 0,
    "ninetyEighthPercentile": 8.5,
    "ninetyFifthPercentile": 8,
}


def response(**given: Any) -> Any:  # noqa: ANN401 (any JSON)
    return json.loads(stats_body(**given))["response"]


def test_a_series_is_returned_unchanged_with_its_number_of_rows() -> None:
    rows: list[list[Any]] = [["2026-05-06T10:00:00Z", None], ["2026-05-06T10:01:00Z", 5]]
    series = Series(columns=["time", "mean"], name="kbps.ds.1min", tags={"cachegroup": "total"}, values=rows)
    assert response(series=[series], summary=None) == {
        "series": {
            "columns": ["time", "mean"],
            "count": 2,
            "name": "kbps.ds.1min",
            "tags": {"cachegroup": "total"},
            "values": rows,
        }
    }


def test_without_data_there_is_no_series_and_a_summary_of_zeros() -> None:
    assert response(series=[], summary=[]) == {"summary": dict.fromkeys(FIGURES, 0)}


def test_parts_that_are_not_wanted_are_left_out() -> None:
    assert response(series=None, summary=None) == {}
    assert response(series=None, summary=[SUMMARY]) == {"summary": FIGURES}


def test_a_percentile_of_too_few_points_is_zero() -> None:
    [row] = SUMMARY.values
    short = Series(columns=COLUMNS, values=[[*row[:3], None, *row[4:]]])
    assert response(series=None, summary=[short])["summary"] == {**FIGURES, "fifthPercentile": 0}


@pytest.mark.parametrize(
    ("metric", "kilobytes", "transactions"), [("kbps", 10 * 60 * 4.5 / 8, None), ("tps_2xx", None, 2_700)]
)
def test_the_summary_of_a_delivery_service_has_one_total(
    metric: str, kilobytes: float | None, transactions: float | None
) -> None:
    totals = {"totalKiloBytes": kilobytes, "totalTransactions": transactions}
    assert response(series=None, summary=[SUMMARY], totals_of=metric)["summary"] == {**FIGURES, **totals}


def test_without_data_it_has_no_total() -> None:
    summary = response(series=None, summary=[], totals_of="kbps")["summary"]
    assert summary == {**dict.fromkeys(FIGURES, 0), "totalKiloBytes": None, "totalTransactions": None}


def last(**values: float) -> list[Series]:
    return [
        Series(columns=["time", "last"], tags={"cdn": cdn}, values=[[0, value]])
        for cdn, value in values.items()
    ]


def test_current_stats_have_each_cdn_and_the_total() -> None:
    body = current_stats_body(
        ["ALL", "one", "two"],
        bandwidth=last(one=2_000_000, two=500_000, gone=7),
        capacity=last(one=40_000_000),
        connections=last(two=12),
    )
    assert json.loads(body) == {
        "response": {
            "currentStats": [
                {"bandwidth": None, "capacity": None, "cdn": "ALL", "connections": None},
                {"bandwidth": 2, "capacity": 34, "cdn": "one", "connections": None},
                {"bandwidth": 0.5, "capacity": None, "cdn": "two", "connections": 12},
                {"bandwidth": 2.5, "cdn": "total", "connections": 12},
            ]
        }
    }


def test_without_values_the_total_is_null() -> None:
    body = current_stats_body(["one"], bandwidth=[], capacity=[], connections=[])
    assert json.loads(body)["response"]["currentStats"][-1] == {
        "bandwidth": None,
        "cdn": "total",
        "connections": None,
    }
