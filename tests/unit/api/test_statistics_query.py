"""Requests for statistics: which error is reported, and how many points a range has."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats.api.http.problem import Problem
from tstats.api.statistics.query import (
    CacheStatsQuery,
    DeliveryServiceStatsQuery,
    parse_cache_stats,
    parse_deliveryservice_stats,
)
from tstats.catalog import CACHE_METRICS, DELIVERYSERVICE_METRICS
from tstats.core.time import HOUR, MINUTE, SECOND, parse_duration

MAX_POINTS = 100_000
START = 1_778_061_600 * 10**9  # 2026-05-06 10:00 UTC
GOOD = {
    "metricType": "bandwidth",
    "startDate": "2026-05-06T10:00:00Z",
    "endDate": "2026-05-06T12:00:00Z",
    "cdnName": "cdn1",
}
GOOD_DS = {**{k: v for k, v in GOOD.items() if k != "cdnName"}, "metricType": "kbps", "deliveryService": "7"}
INTERVAL = "interval: must be a valid InfluxQL duration literal (resolution no less than minute)"
EXCLUDE = "Invalid exclude! Must be 'series' or 'summary'"
MISSING = "required parameters missing: missing required parameters: "

# In the order in which they are checked.
ERRORS: list[tuple[dict[str, str], str, int, str]] = [
    ({}, "text/html", 406, "Failed to negotiate content; cannot produce output satisfying text/html"),
    ({"limit": "x"}, "", 400, "Invalid limit!"),
    ({"offset": "-1"}, "", 400, "Invalid offset!"),
    ({"orderby": "value"}, "", 400, "Invalid orderby! Can only be 'time'"),
    ({"startDate": "x"}, "", 400, "Invalid startDate!"),
    ({"endDate": "x"}, "", 400, "Invalid endDate!"),
    ({"interval": "x"}, "", 400, INTERVAL),
    ({"exclude": "x"}, "", 400, EXCLUDE),
    ({"metricType": "x"}, "", 400, "Unknown metric type: x"),
]


def cache(changes: Mapping[str, str], accept: str = "", *, max_points: int = MAX_POINTS) -> CacheStatsQuery:
    return parse_cache_stats({**GOOD, **changes}, accept, CACHE_METRICS, max_points=max_points)


def service(parameters: Mapping[str, str], *, max_points: int = MAX_POINTS) -> DeliveryServiceStatsQuery:
    return parse_deliveryservice_stats(parameters, "", DELIVERYSERVICE_METRICS, max_points=max_points)


def problem_of(
    changes: Mapping[str, str], accept: str = "", *, max_points: int = MAX_POINTS
) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        cache(changes, accept, max_points=max_points)
    return caught.value.status, caught.value.text


def test_the_defaults_ask_for_everything_by_the_minute() -> None:
    query = cache({})
    assert (query.start, query.end, query.interval) == (START, START + 2 * HOUR, MINUTE)
    assert (query.limit, query.offset, query.series, query.summary) == (None, None, True, True)
    assert (query.timestamps, query.cdn, query.inclusive) == ("rfc", "cdn1", False)
    assert query.rollup.target == "bandwidth.cdn.1min"


@pytest.mark.parametrize("missing", [["metricType"], ["startDate", "cdnName"], list(GOOD)])
def test_missing_parameters_are_reported_in_order_before_anything_else(missing: list[str]) -> None:
    left = {name: value for name, value in GOOD.items() if name not in missing}
    with pytest.raises(Problem, match=MISSING + ", ".join(missing) + r"\Z"):
        parse_cache_stats(left | {"limit": "x"}, "text/html", CACHE_METRICS, max_points=MAX_POINTS)


@pytest.mark.parametrize(("changes", "accept", "status", "text"), ERRORS)
def test_each_error_has_its_response(changes: dict[str, str], accept: str, status: int, text: str) -> None:
    assert problem_of(changes, accept) == (status, text)


@given(st.sets(st.integers(0, len(ERRORS) - 1), min_size=1))
def test_of_several_errors_the_first_one_is_reported(chosen: set[int]) -> None:
    changes: dict[str, str] = {}
    for number in chosen:
        changes |= ERRORS[number][0]
    assert problem_of(changes, "text/html" if 0 in chosen else "") == ERRORS[min(chosen)][2:]


@pytest.mark.parametrize("text", ["", "x", "-1", "+1", "1.5", " 1", "1_0", "٣", str(2**64), "9" * 5_000])
def test_a_limit_and_an_offset_are_unsigned_64_bit_integers(text: str) -> None:
    assert problem_of({"limit": text}) == (400, "Invalid limit!")
    assert problem_of({"offset": text}) == (400, "Invalid offset!")


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1])
def test_valid_limits_and_offsets(number: int) -> None:
    query = cache({"limit": str(number), "offset": f"00{number}"})
    assert (query.limit, query.offset) == (number, number)


@pytest.mark.parametrize("name", ["limit", "offset"])
def test_limits_and_offsets_beyond_influxdb_are_refused(name: str) -> None:
    assert problem_of({name: str(2**63)}) == (400, f"{name}: must be at most {2**63 - 1}")


@pytest.mark.parametrize(
    "text",
    ["", "1", "m", "m1", "1s", "1ms", "1M", "1H", "1y", "1.5h", "1h30m", " 1m", "1m ", "-1m", "1m\n", "٣m"],
)
def test_invalid_intervals(text: str) -> None:
    assert problem_of({"interval": text}) == (400, INTERVAL)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1m", MINUTE),
        ("05m", 5 * MINUTE),
        ("2h", 2 * HOUR),
        ("1d", 24 * HOUR),
        ("15250w", 15_250 * 168 * HOUR),
    ],
)
def test_valid_intervals(text: str, length: int) -> None:
    assert cache({"interval": text}).interval == length


@pytest.mark.parametrize("text", ["0m", "00w"])
def test_an_interval_is_not_zero(text: str) -> None:
    assert problem_of({"interval": text}) == (400, "interval: must be at least a minute")


@pytest.mark.parametrize("text", ["15251w", "9" * 30 + "m", "9" * 5_000 + "m"])
def test_an_interval_is_not_longer_than_64_bits(text: str) -> None:
    assert problem_of({"interval": text}) == (400, "interval: must be at most 15250w")


@pytest.mark.parametrize(
    ("excluded", "series", "summary"), [("series", False, True), ("summary", True, False)]
)
def test_either_part_can_be_left_out(excluded: str, series: bool, summary: bool) -> None:  # noqa: FBT001 (a row of the table)
    query = cache({"exclude": excluded})
    assert (query.series, query.summary) == (series, summary)


@pytest.mark.parametrize("text", ["", "Series", "series,summary", "none"])
def test_nothing_else_can_be_left_out(text: str) -> None:
    assert problem_of({"exclude": text}) == (400, EXCLUDE)


@pytest.mark.parametrize("metric", ["connections", "bandwidth", "maxkbps"])
def test_the_metrics_of_caches(metric: str) -> None:
    assert cache({"metricType": metric}).rollup.target == f"{metric}.cdn.1min"


@pytest.mark.parametrize("metric", ["kbps", "tps_total", "tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx"])
def test_the_metrics_of_delivery_services(metric: str) -> None:
    query = service({**GOOD_DS, "metricType": metric})
    assert query.rollup.target == f"{metric}.ds.1min"
    assert query.inclusive


def test_an_unknown_metric_is_reported_before_a_missing_delivery_service() -> None:
    nameless = {name: value for name, value in GOOD_DS.items() if name != "deliveryService"}
    with pytest.raises(Problem, match=r"^You must specify deliveryService or deliveryServiceName!$"):
        service(nameless)
    with pytest.raises(Problem, match=r"^Metric is not supported: bandwidth$"):
        service({**nameless, "metricType": "bandwidth"})
    with pytest.raises(Problem, match=MISSING + "metricType, startDate, endDate$"):
        service({})


def test_a_name_takes_precedence_over_an_id() -> None:
    query = service({**GOOD_DS, "deliveryServiceName": "vod"})
    assert (query.name, query.id_or_name, query.requested_name) == ("vod", "7", "vod")
    assert service(GOOD_DS).requested_name == "7"


@pytest.mark.parametrize(
    ("start", "interval", "offset"),
    [
        ("2026-05-06T10:00:00Z", "1h", 0),
        ("2026-05-06T10:07:30Z", "5m", 150 * SECOND),
        ("2026-05-06T10:07:30.9Z", "5m", 150 * SECOND),
        ("-1", "1m", 59 * SECOND),
    ],
)
def test_buckets_start_at_the_second_of_the_start(start: str, interval: str, offset: int) -> None:
    query = cache({"startDate": start, "interval": interval, "exclude": "series"})
    assert query.bucket_offset == offset


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", str(-(2**63))])
def test_a_range_beyond_influxdb_is_not_representable(date: str) -> None:
    assert not cache({"startDate": date}).is_representable
    assert not cache({"endDate": date}).is_representable
    assert cache({}).is_representable


def test_too_many_points_are_refused_with_an_interval_that_works() -> None:
    month = {"endDate": "2026-06-05T10:00:00Z"}
    assert problem_of(month, max_points=10_000) == (
        400,
        (
            "interval: 1m divides this range into 43200 points, and a response has at most 10000; use an"
            " interval of at least 5m"
        ),
    )
    assert cache({**month, "interval": "5m"}, max_points=10_000).interval == 5 * MINUTE
    assert cache({**month, "exclude": "series"}, max_points=10_000).summary


@given(
    max_points=st.integers(1, 10**6),
    more=st.integers(1, 10**17),
    fraction=st.integers(0, SECOND - 1),
    inclusive=st.booleans(),
)
def test_the_suggested_interval_is_the_shortest_that_works(
    *, max_points: int, more: int, fraction: int, inclusive: bool
) -> None:
    end = START + fraction + max_points * MINUTE + more
    parameters = {
        **(GOOD_DS if inclusive else GOOD),
        "startDate": str(START + fraction),
        "endDate": str(end),
    }

    def parse(interval: str) -> None:
        if inclusive:
            service({**parameters, "interval": interval}, max_points=max_points)
        else:
            parse_cache_stats({**parameters, "interval": interval}, "", CACHE_METRICS, max_points=max_points)

    with pytest.raises(Problem) as caught:
        parse("1m")
    named = caught.value.text.rpartition(" ")[2]
    parse(named)
    minutes = parse_duration(named) // MINUTE
    with pytest.raises(Problem, match=r"interval of at least|must be at least"):
        parse(f"{minutes - 1}m")
