"""The parameters of the page's requests."""

import pytest

from tstats.api.http.problem import Problem
from tstats.api.page.query import MAX_INTERVALS, parse_days, parse_lines
from tstats.core.time import DAY, MINUTE

CHARTS = {"server_bandwidth", "cdn_bandwidth_by_type"}
GOOD = {
    "chart": "server_bandwidth",
    "of": "edge-01",
    "start": "2026-11-21T00:00:00Z",
    "end": "2026-11-21T06:00:00.000Z",
    "interval": "5m",
}


def test_a_valid_request_for_lines() -> None:
    query = parse_lines(GOOD, CHARTS)
    assert (query.chart, query.of, query.interval) == ("server_bandwidth", "edge-01", 5 * MINUTE)
    assert query.end - query.start == 6 * 60 * MINUTE


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"chart": "everything"}, "chart: must be one of cdn_bandwidth_by_type, server_bandwidth"),
        ({"of": ""}, "of: must be a name"),
        ({"of": "x" * 1001}, "of: must be a name"),
        ({"start": "yesterday"}, "start: must be an RFC 3339 time"),
        ({"end": ""}, "end: must be an RFC 3339 time"),
        ({"start": str(-(2**63))}, "start: must be a time that InfluxDB can represent"),
        ({"end": GOOD["start"]}, "end: must be after start"),
        ({"interval": "90s"}, "interval: must be whole minutes"),
        ({"interval": "1s"}, "interval: must be whole minutes"),
        ({"interval": "0m"}, "interval: must be whole minutes"),
        ({"interval": "5m; DROP DATABASE cache_stats"}, "interval: must be whole minutes"),
        ({"start": "0", "interval": "1m"}, "and the most is 1500"),
    ],
)
def test_invalid_requests_for_lines(wrong: dict[str, str], text: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_lines(GOOD | wrong, CHARTS)
    assert caught.value.status == 400
    assert text in caught.value.text


def test_the_most_intervals() -> None:
    longest = GOOD | {"start": "0", "interval": "1m"}
    parse_lines(longest | {"end": str(MAX_INTERVALS * MINUTE)}, CHARTS)
    with pytest.raises(Problem):
        parse_lines(longest | {"end": str(MAX_INTERVALS * MINUTE + 1)}, CHARTS)
    parse_lines(longest | {"interval": "1d", "end": str(30 * DAY)}, CHARTS)


def test_days_must_be_a_number_within_bounds() -> None:
    assert [parse_days({"days": text}) for text in ("1", "90", "1100")] == [1, 90, 1100]
    for text in ("", "0", "1101", "99999", "-1", "1.5", "x", "٣"):
        with pytest.raises(Problem, match="days: must be a whole number"):
            parse_days({"days": text})
