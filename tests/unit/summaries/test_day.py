"""The arithmetic of a day, and what there is to do about what is recorded of it."""

import doctest
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tstats import catalog
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.summaries import day as summary
from tstats.summaries import sinks as summary_sinks
from tstats.summaries.day import (
    Key,
    Summary,
    Traffic,
    day_of,
    days_between,
    is_missing,
    last_settled,
    stale,
    summarize,
    whole_days_since,
    window,
)
from tstats.summaries.sinks import Outcome, combined

DATE = date(2026, 11, 20)
KEY = Key("cdn1", "all", "daily_maxgbps", DATE)


@pytest.mark.parametrize("module", [summary, summary_sinks])
def test_its_examples_are_true(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type] # a module
    assert (result.failed, result.attempted > 0) == (0, True)


def test_a_day_s_maximum_stands_at_its_minute_and_its_sum_at_the_beginning() -> None:
    start = window(DATE).start
    traffic = Traffic(cdn="cdn1", maximum=2_299_500.0, at=start + 3 * HOUR, total=8_000_000_000.0)
    assert [
        (one.key.stat, one.value, one.time) for one in summarize(DATE, traffic, catalog.DAILY_SUMMARIES)
    ] == [
        ("daily_maxgbps", 2.2995, start + 3 * HOUR),
        ("daily_bytesserved", 60.0, start),
    ]


def test_the_catalog_declares_what_traffic_ops_knows() -> None:
    assert [(one.name, one.aggregate, one.unit) for one in catalog.DAILY_SUMMARIES] == [
        ("daily_maxgbps", "max", "Gbps"),
        ("daily_bytesserved", "sum", "TB"),
    ]
    targets = {(one.database, one.target_policy, one.target) for one in catalog.ROLLUPS}
    for source in (catalog.CDN_DAYS, catalog.DELIVERYSERVICE_DAYS):
        assert (source.database, source.policy, source.measurement) in targets
        assert source.tags[0] == "cdn"


@given(st.dates(date(1971, 1, 1), date(2261, 1, 1)), st.integers(0, DAY - 1))
def test_every_moment_lies_in_the_day_it_is_of(day: date, offset: int) -> None:
    span = window(day)
    assert day_of(span.start + offset) == day
    assert span.length == DAY
    assert whole_days_since(span.start + offset) == (day if offset == 0 else day_of(span.end))


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
    assert last_settled(datetime.fromisoformat(now), 10) == settled
    assert last_settled(datetime(2026, 11, 21, tzinfo=UTC), 0) == DATE


def test_days_come_in_order_and_none_backwards() -> None:
    assert days_between(date(2026, 12, 31), date(2027, 1, 1)) == [date(2026, 12, 31), date(2027, 1, 1)]
    assert days_between(DATE, DATE) == [DATE]
    assert days_between(DATE, date(2026, 11, 19)) == []


@pytest.mark.parametrize(
    ("points", "missing", "left_behind"),
    [
        ({}, True, []),
        ({MINUTE: 2.5}, False, []),
        ({MINUTE: 2.5 * (1 + 1e-14)}, False, []),
        ({MINUTE: 2.4}, True, []),
        ({0: 2.4, 5 * MINUTE: 2.5}, True, [0, 5 * MINUTE]),
        ({0: 2.4, MINUTE: 2.5}, False, [0]),
    ],
)
def test_a_day_has_its_point_and_no_other(
    points: dict[int, float], *, missing: bool, left_behind: list[int]
) -> None:
    wanted = Summary(key=KEY, value=2.5, time=MINUTE)
    assert is_missing(wanted, points) is missing
    assert stale(wanted, points) == left_behind


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
    assert combined([Outcome(outcome) for outcome in outcomes.split()]).value == result
