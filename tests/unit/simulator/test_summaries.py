"""The simulated stats_summary of Traffic Ops over HTTP: what it accepts, refuses and returns."""

import json
from collections.abc import Iterator

import pytest
import requests

from tests.support.traffic_ops_responses import error_text, records
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

VERSIONS = ["3.0", "3.1", "4.0", "4.1", "5.0"]
CREATED = {"alerts": [{"text": "Stats Summary was successfully created", "level": "success"}]}
ROW = {
    "cdnName": "cdn1",
    "deliveryServiceName": "all",
    "statName": "daily_maxgbps",
    "statValue": 2.25,
    "summaryTime": "2026-11-21T21:51:20Z",
    "statDate": "2026-11-20",
}


@pytest.fixture
def summaries() -> Iterator[tuple[Simulator, requests.Session]]:
    with Simulator(World.build(cdns=1)) as sim, requests.Session() as http:
        http.trust_env = False
        login = {"u": sim.user, "p": sim.password}
        http.post(f"{sim.traffic_ops_url}/api/5.0/user/login", json=login, timeout=5)
        yield sim, http


def get(sim: Simulator, http: requests.Session, path: str) -> requests.Response:
    return http.get(f"{sim.traffic_ops_url}/api/{path}", timeout=5)


def post(sim: Simulator, http: requests.Session, row: dict[str, object], version: str) -> requests.Response:
    return http.post(f"{sim.traffic_ops_url}/api/{version}/stats_summary", json=row, timeout=5)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_posted_summary_is_returned_in_the_form_of_the_version(
    summaries: tuple[Simulator, requests.Session], version: str
) -> None:
    sim, http = summaries
    response = post(sim, http, ROW, version)
    time = "2026-11-21T21:51:20Z" if version == "5.0" else "2026-11-21 21:51:20+00"

    assert (response.status_code, response.json()) == (200, CREATED)
    assert records(get(sim, http, f"{version}/stats_summary")) == [ROW | {"summaryTime": time}]
    latest = get(sim, http, f"{version}/stats_summary?lastSummaryDate=true&statName=daily_maxgbps")
    assert latest.json() == {"response": {"summaryTime": time}}


def test_without_a_summary_the_last_date_is_null(summaries: tuple[Simulator, requests.Session]) -> None:
    sim, http = summaries
    post(sim, http, ROW, "5.0")
    response = get(sim, http, "5.0/stats_summary?lastSummaryDate=true&statName=daily_bytesserved")

    assert response.json() == {"response": {"summaryTime": None}}


def test_an_empty_last_date_returns_rows(summaries: tuple[Simulator, requests.Session]) -> None:
    sim, http = summaries
    post(sim, http, ROW, "5.0")

    assert len(records(get(sim, http, "5.0/stats_summary?lastSummaryDate="))) == 1


def test_summaries_can_be_filtered_ordered_and_limited(
    summaries: tuple[Simulator, requests.Session],
) -> None:
    sim, http = summaries
    for cdn, stat, service in (("cdn1", "b", "all"), ("cdn2", "a", "all"), ("cdn1", "c", "vod")):
        post(sim, http, ROW | {"cdnName": cdn, "statName": stat, "deliveryServiceName": service}, "5.0")

    def stats(query: str) -> str:
        return "".join(row["statName"] for row in records(get(sim, http, f"5.0/stats_summary?{query}")))

    assert stats("cdnName=cdn1") == "bc"
    assert stats("deliveryServiceName=vod") == "c"
    assert stats("statName=a") == "a"
    assert stats("orderby=statName&sortOrder=desc&limit=2") == "cb"
    assert stats("orderby=nosuch") == "bac"


def test_duplicates_are_accepted_as_by_the_real_table(summaries: tuple[Simulator, requests.Session]) -> None:
    sim, http = summaries
    post(sim, http, ROW, "5.0")
    post(sim, http, ROW, "5.0")

    assert len(sim.summaries.rows) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"cdnName": "", "deliveryServiceName": ""},
        {"deliveryServiceName": "no-such"},
        {"statValue": -1},
        {"statDate": "2026-01-02T03:04:05Z"},
        {"summaryTime": "2026-01-03 04:05:06+00"},
        {"cdnName": None, "cdn_name": "cdn1"},
        {"statDate": None},
    ],
)
@pytest.mark.parametrize("version", ["3.0", "5.0"])
def test_what_traffic_ops_accepts_is_accepted(
    summaries: tuple[Simulator, requests.Session], changed: dict[str, object], version: str
) -> None:
    sim, http = summaries

    assert post(sim, http, ROW | changed, version).json() == CREATED


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"summaryTime": None}, "decoding: invalid timestamp given for summaryTime"),
        ({"summaryTime": "yesterday"}, "decoding: invalid timestamp given for summaryTime"),
        (
            {"summaryTime": 1700000000},
            "decoding: json: cannot unmarshal number into Go struct field .summaryTime of type string",
        ),
        ({"statDate": ""}, "decoding: invalid timestamp given for statDate"),
        ({"statDate": "2026-02-30"}, "decoding: invalid timestamp given for statDate"),
        ({"statName": ""}, "validating: 'statName' cannot be blank"),
        ({"statName": None}, "validating: 'statName' cannot be blank"),
        ({"statValue": None}, "validating: 'statValue' cannot be blank"),
        (
            {"statValue": "1.25"},
            "decoding: json: cannot unmarshal string into Go struct field .statValue of type float64",
        ),
        (
            {"statValue": True},
            "decoding: json: cannot unmarshal bool into Go struct field .statValue of type float64",
        ),
    ],
)
def test_an_invalid_summary_is_refused_in_the_words_of_traffic_ops(
    summaries: tuple[Simulator, requests.Session], changed: dict[str, object], text: str
) -> None:
    sim, http = summaries
    response = post(sim, http, ROW | changed, "5.0")

    assert (response.status_code, error_text(response)) == (400, text)
    assert sim.summaries.rows == ()


def test_an_empty_summary_first_lacks_its_time(
    summaries: tuple[Simulator, requests.Session],
) -> None:
    sim, http = summaries

    assert error_text(post(sim, http, {}, "5.0")) == "decoding: invalid timestamp given for summaryTime"


def test_a_truncated_summary_is_refused(summaries: tuple[Simulator, requests.Session]) -> None:
    sim, http = summaries
    half = json.dumps(ROW)[:20].encode()
    response = http.post(f"{sim.traffic_ops_url}/api/5.0/stats_summary", data=half, timeout=5)

    assert (response.status_code, error_text(response)) == (400, "decoding: unexpected EOF")
