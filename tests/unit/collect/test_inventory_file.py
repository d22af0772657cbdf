"""The last inventory is saved on disk and comes back from there."""

from pathlib import Path

import pytest

from tstats.collect.inventory import InventoryFile
from tstats.traffic_control.inventory import Cache, Inventory

HERE = "https://to.example.com"
EMPTY = Inventory(caches={}, monitors={}, cache_stats=[], ds_stats=[])
INVENTORY = Inventory(
    caches={"edge-01": Cache(cachegroup="east", type="EDGE")},
    monitors={"cdn1": ["http://tm1.example.net:80"]},
    cache_stats=["bandwidth"],
    ds_stats=["kbps"],
    problems=["monitor '' lacks a CDN, a domain or a port"],
)


def test_the_last_inventory_comes_back_from_disk_with_its_age(tmp_path: Path) -> None:
    file = InventoryFile(tmp_path / "inventory.json", HERE)
    file.save(EMPTY)
    file.save(INVENTORY)
    kept = InventoryFile(tmp_path / "inventory.json", HERE).load()
    assert kept is not None
    assert kept[0] == INVENTORY
    assert 0 <= kept[1] < 60
    assert [path.name for path in tmp_path.iterdir()] == ["inventory.json"]


def test_an_inventory_of_another_traffic_ops_is_not_used(tmp_path: Path) -> None:
    InventoryFile(tmp_path / "inventory.json", HERE).save(INVENTORY)
    assert InventoryFile(tmp_path / "inventory.json", "https://other.example.com").load() is None


@pytest.mark.parametrize(
    "content", [None, b"", b"garbage", b"{}", b'{"traffic_ops": "x", "inventory": {}}', b"\xff"]
)
def test_an_unusable_file_is_ignored(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "inventory.json").write_bytes(content)
    assert InventoryFile(tmp_path / "inventory.json", HERE).load() is None
