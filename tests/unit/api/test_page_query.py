"""What the page may ask, and what it is told when it asks for anything else."""

import pytest

from tstats.api.http.problem import Problem
from tstats.api.page.query import MOST_INTERVALS, parse_days, parse_lines
from tstats.core.time import DAY, MINUTE

CHARTS = {"server_bandwidth", "cdn_bandwidth_by_type"}
GOOD = {
    "chart": "server_bandwidth",
    "of": "edge-01",
    "start": "2026-11-21T00:00:00Z",
    "end": "2026-11-21T06:00:00.000Z",
    "interval": "5m",
}


def test_a_chart_of_a_thing_in_a_range() -> None:
    query = parse_lines(GOOD, CHARTS)
    assert (query.chart, query.of, query.interval) == ("server_bandwidth", "edge-01", 5 * MINUTE)
    assert query.end - query.start == 6 * 60 * MINUTE


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"chart": "everything"}, "chart: one of cdn_bandwidth_by_type, server_bandwidth"),
        ({"of": ""}, "of: the name"),
        ({"of": "x" * 1001}, "of: the name"),
        ({"start": "yesterday"}, "start: a time of RFC 3339"),
        ({"end": ""}, "end: a time of RFC 3339"),
        ({"start": str(-(2**63))}, "start: a time that InfluxDB can name"),
        ({"end": GOOD["start"]}, "end: after start"),
        ({"interval": "90s"}, "interval: whole minutes"),
        ({"interval": "1s"}, "interval: whole minutes"),
        ({"interval": "0m"}, "interval: whole minutes"),
        ({"interval": "5m; DROP DATABASE cache_stats"}, "interval: whole minutes"),
        ({"start": "0", "interval": "1m"}, "and at most 1500 are given"),
    ],
)
def test_what_cannot_be_asked_is_said(wrong: dict[str, str], text: str) -> None:
    with pytest.raises(Problem) as problem:
        parse_lines(GOOD | wrong, CHARTS)
    assert problem.value.status == 400
    assert text in problem.value.text


def test_the_longest_line() -> None:
    longest = GOOD | {"start": "0", "interval": "1m"}
    parse_lines(longest | {"end": str(MOST_INTERVALS * MINUTE)}, CHARTS)
    with pytest.raises(Problem):
        parse_lines(longest | {"end": str(MOST_INTERVALS * MINUTE + 1)}, CHARTS)
    parse_lines(longest | {"interval": "1d", "end": str(30 * DAY)}, CHARTS)


def test_days_are_a_number_within_bounds() -> None:
    assert [parse_days({"days": text}) for text in ("1", "90", "1100")] == [1, 90, 1100]
    for text in ("", "0", "1101", "99999", "-1", "1.5", "x", "٣"):
        with pytest.raises(Problem, match="days: a whole number"):
            parse_days({"days": text})
