"""What Traffic Ops' records say, in the form of any API version: caches, monitors, stats."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tstats.collect.inventory_file import InventoryFile
from tstats.traffic_control.inventory import Cache, Inventory, Parameter, Server, inventory

# The fields of a record that differ by API version, and some that nobody asks for.
BY_VERSION: dict[str, dict[str, Any]] = {
    "5.0": {"cdn": "cdn1", "cacheGroup": "east", "cdnID": 2, "statusID": 3, "profiles": ["EDGE_cdn1"]},
    "4.1": {"cdnName": "cdn1", "cachegroup": "east", "profileNames": ["EDGE_cdn1"], "cdnId": 2},
    "3.0": {"cdnName": "cdn1", "cachegroup": "east", "profile": "EDGE_cdn1", "physLocation": "loc1"},
}


def servers(*records: dict[str, Any]) -> list[Server]:
    return msgspec.json.decode(msgspec.json.encode(records), type=list[Server])


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


def read(
    *records: dict[str, Any], parameters: list[Parameter] | None = None, status: str = "ONLINE"
) -> Inventory:
    return inventory(servers(*records), parameters or [], status=status)


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
    found = read(edge, tm)
    assert found.caches == {"edge-01": Cache(cachegroup="east", type="EDGE")}
    assert found.monitors == {"cdn1": ["http://tm1.example.net:8080"]}
    assert found.problems == []


def test_a_cache_is_known_whatever_its_status() -> None:
    found = read(*(cache(hostName=status, status=status) for status in ("REPORTED", "OFFLINE", "ADMIN_DOWN")))
    assert set(found.caches) == {"REPORTED", "OFFLINE", "ADMIN_DOWN"}


def test_only_monitors_of_the_wanted_status_are_asked() -> None:
    records = [monitor(hostName=status, status=status) for status in ("ONLINE", "OFFLINE", "REPORTED")]
    assert read(*records).monitors == {"cdn1": ["http://ONLINE.example.net:80"]}
    assert read(*records, status="OFFLINE").monitors == {"cdn1": ["http://OFFLINE.example.net:80"]}
    assert read(*records, status="NONE").monitors == {}


def test_the_monitors_of_a_cdn_are_alternatives_in_the_order_of_traffic_ops() -> None:
    found = read(monitor(hostName="b"), monitor(hostName="x", cdn="cdn2"), monitor(hostName="a"))
    assert found.monitors == {
        "cdn1": ["http://b.example.net:80", "http://a.example.net:80"],
        "cdn2": ["http://x.example.net:80"],
    }


@pytest.mark.parametrize("missing", ["cdn", "hostName", "domainName", "tcpPort"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_a_monitor_without_an_address_is_a_problem_and_not_asked(missing: str, nothing: object) -> None:
    broken = monitor(**{missing: nothing if missing != "tcpPort" else None})
    found = read(broken, monitor(hostName="good"))
    assert found.monitors == {"cdn1": ["http://good.example.net:80"]}
    assert found.problems == [f"monitor {(broken['hostName'] or '')!r} lacks a CDN, a domain or a port"]


def test_a_broken_monitor_that_is_not_wanted_is_no_problem() -> None:
    assert read(monitor(status="OFFLINE", domainName=None)).problems == []


def test_a_cache_may_lack_everything() -> None:
    assert read({}).caches == {"": Cache(cachegroup="", type="")}


def test_the_parameters_say_which_stats_to_ask_for() -> None:
    pairs = [("CacheStats", "bandwidth"), ("DsStats", "kbps"), ("CacheStats", "maxKbps"), ("Other", "x")]
    empty = [("CacheStats", None), ("DsStats", ""), (None, "x")]
    parameters = [Parameter(name=name, value=value) for name, value in [*pairs, *empty]]
    found = read(parameters=parameters)
    assert (found.cache_stats, found.ds_stats) == (["bandwidth", "maxKbps"], ["kbps"])


# --- kept on disk

HERE = "https://to.example.com"


def test_the_last_inventory_comes_back_from_disk_with_its_age(tmp_path: Path) -> None:
    found = read(cache(), monitor(), monitor(hostName="", domainName=None))
    file = InventoryFile(tmp_path / "inventory.json", HERE)
    file.save(read())
    file.save(found)
    kept = InventoryFile(tmp_path / "inventory.json", HERE).load()
    assert kept is not None
    assert kept[0] == found
    assert 0 <= kept[1] < 60
    assert [path.name for path in tmp_path.iterdir()] == ["inventory.json"]


def test_an_inventory_of_another_traffic_ops_is_not_used(tmp_path: Path) -> None:
    InventoryFile(tmp_path / "inventory.json", HERE).save(read(cache()))
    assert InventoryFile(tmp_path / "inventory.json", "https://other.example.com").load() is None


@pytest.mark.parametrize(
    "content", [None, b"", b"garbage", b"{}", b'{"traffic_ops": "x", "inventory": {}}', b"\xff"]
)
def test_a_file_that_cannot_be_used_is_no_inventory(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "inventory.json").write_bytes(content)
    assert InventoryFile(tmp_path / "inventory.json", HERE).load() is None
