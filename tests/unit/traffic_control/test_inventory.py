"""The inventory is built from Traffic Ops' records of any API version: caches, monitors, stats."""

from typing import Any

import msgspec
import pytest

from tstats.traffic_control.inventory import Cache, Inventory, ParameterRecord, ServerRecord, build_inventory

# The fields of a record that differ by API version, and some that are not used.
BY_VERSION: dict[str, dict[str, Any]] = {
    "5.0": {"cdn": "cdn1", "cacheGroup": "east", "cdnID": 2, "statusID": 3, "profiles": ["EDGE_cdn1"]},
    "4.1": {"cdnName": "cdn1", "cachegroup": "east", "profileNames": ["EDGE_cdn1"], "cdnId": 2},
    "3.0": {"cdnName": "cdn1", "cachegroup": "east", "profile": "EDGE_cdn1", "physLocation": "loc1"},
}


def servers(*records: dict[str, Any]) -> list[ServerRecord]:
    return msgspec.json.decode(msgspec.json.encode(records), type=list[ServerRecord])


def cache(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    return {"hostName": "edge-01", "type": "EDGE", "status": "REPORTED", **BY_VERSION["5.0"], **fields}


def monitor(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    base = {
        "hostName": "tm1",
        "domainName": "example.net",
        "tcpPort": 80,
        "type": "RASCAL",
        "status": "ONLINE",
    }
    return {**base, **BY_VERSION["5.0"], **fields}


def build(
    *records: dict[str, Any], parameters: list[ParameterRecord] | None = None, status: str = "ONLINE"
) -> Inventory:
    return build_inventory(servers(*records), parameters or [], status=status)


@pytest.mark.parametrize("version", BY_VERSION)
def test_caches_and_monitors_are_read_from_every_version(version: str) -> None:
    of_version = BY_VERSION[version]
    edge = {
        "hostName": "edge-01",
        "type": "EDGE",
        "status": "REPORTED",
        "tcpPort": 80,
        "interfaces": [],
        **of_version,
    }
    tm = {
        "hostName": "tm1",
        "domainName": "example.net",
        "tcpPort": 8080,
        "type": "RASCAL",
        "status": "ONLINE",
        **of_version,
    }
    found = build(edge, tm)
    assert found.caches == {"edge-01": Cache(cachegroup="east", type="EDGE")}
    assert found.monitors == {"cdn1": ["http://tm1.example.net:8080"]}
    assert found.problems == []


def test_a_cache_is_known_whatever_its_status() -> None:
    found = build(
        *(cache(hostName=status, status=status) for status in ("REPORTED", "OFFLINE", "ADMIN_DOWN"))
    )
    assert set(found.caches) == {"REPORTED", "OFFLINE", "ADMIN_DOWN"}


def test_only_monitors_with_the_given_status_are_asked() -> None:
    records = [monitor(hostName=status, status=status) for status in ("ONLINE", "OFFLINE", "REPORTED")]
    assert build(*records).monitors == {"cdn1": ["http://ONLINE.example.net:80"]}
    assert build(*records, status="OFFLINE").monitors == {"cdn1": ["http://OFFLINE.example.net:80"]}
    assert build(*records, status="NONE").monitors == {}


def test_the_monitors_of_a_cdn_are_alternatives_in_the_order_of_traffic_ops() -> None:
    found = build(monitor(hostName="b"), monitor(hostName="x", cdn="cdn2"), monitor(hostName="a"))
    assert found.monitors == {
        "cdn1": ["http://b.example.net:80", "http://a.example.net:80"],
        "cdn2": ["http://x.example.net:80"],
    }


@pytest.mark.parametrize("missing", ["cdn", "hostName", "domainName", "tcpPort"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_monitor_without_an_address_is_reported_and_not_asked(missing: str, nothing: object) -> None:
    broken = monitor(**{missing: nothing if missing != "tcpPort" else None})
    found = build(broken, monitor(hostName="good"))
    assert found.monitors == {"cdn1": ["http://good.example.net:80"]}
    assert found.problems == [f"monitor {(broken['hostName'] or '')!r} lacks a CDN, a domain or a port"]


def test_a_broken_monitor_of_another_status_is_not_a_problem() -> None:
    assert build(monitor(status="OFFLINE", domainName=None)).problems == []


def test_a_cache_record_may_lack_every_field() -> None:
    assert build({}).caches == {"": Cache(cachegroup="", type="")}


def test_the_parameters_say_which_stats_to_ask_for() -> None:
    pairs = [("CacheStats", "bandwidth"), ("DsStats", "kbps"), ("CacheStats", "maxKbps"), ("Other", "x")]
    empty = [("CacheStats", None), ("DsStats", ""), (None, "x")]
    parameters = [ParameterRecord(name=name, value=value) for name, value in [*pairs, *empty]]
    found = build(parameters=parameters)
    assert (found.cache_stats, found.ds_stats) == (["bandwidth", "maxKbps"], ["kbps"])
