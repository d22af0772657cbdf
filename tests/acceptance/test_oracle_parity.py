"""The points of recorded payloads are exactly those that Go's traffic_stats wrote.

The recordings are no part of this repository: where they stand beside it they are used.
"""

import json
from typing import Any

import msgspec

from tests.support.oracle import ORACLE, needs_oracle
from tstats import catalog
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed
from tstats.traffic_control.inventory import ServerRecord, build_inventory


def recorded(name: str) -> Any:  # noqa: ANN401 (any JSON)
    return json.loads((ORACLE / name).read_text(encoding="utf-8"))


@needs_oracle
def test_every_recorded_payload_gives_the_lines_that_go_wrote() -> None:
    servers = msgspec.convert(recorded("collector_servers.json")["response"], list[ServerRecord])
    caches = build_inventory(servers, [], status="ONLINE").caches
    cases = recorded("collector_cases.json")
    assert cases
    for case in cases:
        feed = (
            CacheFeed(case["cdn"], caches)
            if case["database"] == catalog.CACHE_STATS
            else DeliveryServiceFeed(case["cdn"])
        )
        reading = feed.read(json.dumps(case["payload"]).encode(), oldest=0, most=10_000)
        assert case["precision"] == "ms"
        assert case["lines"]
        assert sorted(b"\n".join(reading.batches).decode().split("\n")) == sorted(case["lines"]), case["name"]
        assert (reading.dropped, reading.unknown) == ({}, set()), case["name"]
