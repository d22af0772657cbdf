"""The arithmetic of a day, and what has to be done about what is recorded of it."""

import doctest
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats import catalog
from tstats.core.time import DAY, HOUR, MINUTE, parse_time
from tstats.summaries import day as summary_day
from tstats.summaries import sinks as summary_sinks
from tstats.summaries.day import (
    DayTraffic,
    Summary,
    SummaryKey,
    day_of,
    days_between,
    first_whole_day_since,
    is_missing,
    last_settled,
    stale_times,
    summarize,
    window_of,
)
from tstats.summaries.sinks import SummaryOutcome, combined

DATE = date(2026, 11, 20)
KEY = SummaryKey("cdn1", "all", "daily_maxgbps", DATE)


@pytest.mark.parametrize("module", [summary_day, summary_sinks])
def test_the_docstring_examples_are_true(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type] # a module
    assert (result.failed, result.attempted > 0) == (0, True)


def test_the_point_of_a_maximum_has_its_minute_and_that_of_a_sum_the_start_of_the_day() -> None:
    start = window_of(DATE).start
    traffic = DayTraffic(cdn="cdn1", maximum=2_299_500.0, at=start + 3 * HOUR, total=8_000_000_000.0)
    summaries = summarize(DATE, traffic, catalog.DAILY_SUMMARIES)
    assert [(summary.key.stat, summary.value, summary.time) for summary in summaries] == [
        ("daily_maxgbps", 2.2995, start + 3 * HOUR),
        ("daily_bytesserved", 60.0, start),
    ]


def test_the_catalog_declares_what_traffic_ops_knows() -> None:
    assert [(summary.name, summary.aggregate, summary.unit) for summary in catalog.DAILY_SUMMARIES] == [
        ("daily_maxgbps", "max", "Gbps"),
        ("daily_bytesserved", "sum", "TB"),
    ]
    targets = {(rollup.database, rollup.target_policy, rollup.target) for rollup in catalog.ROLLUPS}
    for source in (catalog.CDN_DAYS, catalog.DELIVERYSERVICE_DAYS):
        assert (source.database, source.policy, source.measurement) in targets
        assert source.tags[0] == "cdn"


@given(st.dates(date(1971, 1, 1), date(2261, 1, 1)), st.integers(0, DAY - 1))
def test_every_moment_lies_in_its_day(day: date, offset: int) -> None:
    window = window_of(day)
    assert day_of(window.start + offset) == day
    assert window.length == DAY
    assert first_whole_day_since(window.start + offset) == (day if offset == 0 else day_of(window.end))


@pytest.mark.parametrize(
    ("now", "settled"),
    [
        ("2026-11-21T00:00:00+00:00", date(2026, 11, 19)),
        ("2026-11-21T00:09:59+00:00", date(2026, 11, 19)),
        ("2026-11-21T00:10:00+00:00", date(2026, 11, 20)),
        ("2026-11-21T23:59:59+00:00", date(2026, 11, 20)),
        ("2026-11-20T19:10:00-05:00", date(2026, 11, 20)),
    ],
)
def test_a_day_settles_ten_minutes_after_its_end_in_utc(now: str, settled: date) -> None:
    assert last_settled(parse_time(now), 10 * MINUTE) == settled
    assert last_settled(parse_time("2026-11-21T00:00:00Z"), 0) == DATE


def test_days_come_in_order_and_never_backwards() -> None:
    assert days_between(date(2026, 12, 31), date(2027, 1, 1)) == [date(2026, 12, 31), date(2027, 1, 1)]
    assert days_between(DATE, DATE) == [DATE]
    assert days_between(DATE, date(2026, 11, 19)) == []


@pytest.mark.parametrize(
    ("points", "missing", "stale"),
    [
        ({}, True, []),
        ({MINUTE: 2.5}, False, []),
        ({MINUTE: 2.5 * (1 + 1e-14)}, False, []),
        ({MINUTE: 2.4}, True, []),
        ({0: 2.4, 5 * MINUTE: 2.5}, True, [0, 5 * MINUTE]),
        ({0: 2.4, MINUTE: 2.5}, False, [0]),
    ],
)
def test_a_day_should_have_the_summary_s_point_and_no_other(
    points: dict[int, float], *, missing: bool, stale: list[int]
) -> None:
    wanted = Summary(key=KEY, value=2.5, time=MINUTE)
    assert is_missing(wanted, points) is missing
    assert stale_times(wanted, points) == stale


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        ("created created", "created"),
        ("created unchanged", "created"),
        ("unchanged created", "updated"),
        ("unchanged updated", "updated"),
        ("differs updated", "updated"),
        ("differs unchanged", "differs"),
        ("unchanged unchanged", "unchanged"),
        ("unchanged", "unchanged"),
    ],
)
def test_a_summary_has_the_outcome_of_its_authoritative_sink_unless_another_changed(
    outcomes: str, result: str
) -> None:
    assert combined([SummaryOutcome(outcome) for outcome in outcomes.split()]).value == result
