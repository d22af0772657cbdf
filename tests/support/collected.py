"""What the collector must have brought to InfluxDB, and what is there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tstats import catalog
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed
from tstats.influx.client import Influx
from tstats.influx.influxql import identifier
from tstats.simulator.record import Served
from tstats.simulator.world import World
from tstats.traffic_control.inventory import Cache

DATABASES = (catalog.CACHE_STATS, catalog.DELIVERYSERVICE_STATS)


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a point the same point; `time` in ms."""

    database: str
    measurement: str
    tags: frozenset[tuple[str, str]]
    time: int


def create_databases(influx: Influx) -> None:
    """The two databases of the collector, with a default policy that keeps everything."""
    for database in DATABASES:
        influx.query(f"CREATE DATABASE {identifier(database)}")


def expected(world: World, served: Iterable[Served]) -> dict[Key, float]:
    """The points of bodies that a simulator served, tagged as its inventory says."""
    points: dict[Key, float] = {}
    for one in served:
        assert one.body is not None, "the simulator has to keep bodies"
        caches = {
            cache.host: Cache(cachegroup=cache.cachegroup, type=cache.type)
            for cache in world.cdn(one.cdn).caches
        }
        is_cache = one.feed == "CacheStats"
        feed = CacheFeed(one.cdn, caches) if is_cache else DeliveryServiceFeed(one.cdn)
        reading = feed.read(one.body, oldest=0, most=10_000)
        assert not reading.dropped
        for line in b"\n".join(reading.batches).decode().split("\n"):
            key, value = _parsed(line, DATABASES[0] if is_cache else DATABASES[1])
            points[key] = value
    return points


def stored(influx: Influx) -> dict[Key, float]:
    """Every point of the two databases."""
    points: dict[Key, float] = {}
    for database in DATABASES:
        for series in influx.query("SELECT value FROM /.*/ GROUP BY *", database=database):
            tags = frozenset((key, value) for key, value in series.tags.items() if value)
            for row in series.rows():
                points[Key(database, series.name, tags, row["time"] // 1_000_000)] = float(row["value"])
    return points


def _parsed(line: str, database: str) -> tuple[Key, float]:
    """A line of the simulator's names, which hold nothing that has to be escaped."""
    match = re.fullmatch(r"([^,\\]+),([^ \\]+) value=(\S+) (\d+)", line)
    assert match, line
    tags = frozenset((key, value) for key, _, value in (pair.partition("=") for pair in match[2].split(",")))
    return Key(database, match[1], tags, int(match[4])), float(match[3])
