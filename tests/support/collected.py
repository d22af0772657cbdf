"""The points that a collector should have written to InfluxDB, and those that are there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tstats import catalog
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed
from tstats.influx.client import Influx
from tstats.influx.influxql import identifier
from tstats.simulator.exchange_log import ServedFeed
from tstats.simulator.world import World
from tstats.traffic_control.inventory import Cache

DATABASES = (catalog.CACHE_STATS, catalog.DELIVERYSERVICE_STATS)


@dataclass(frozen=True, slots=True)
class Key:
    """The identity of a point; `time` in ms."""

    database: str
    measurement: str
    tags: frozenset[tuple[str, str]]
    time: int


def create_databases(influx: Influx) -> None:
    """Create the collector's two databases, with a default policy that keeps everything."""
    for database in DATABASES:
        influx.query(f"CREATE DATABASE {identifier(database)}")


def expected(world: World, served: Iterable[ServedFeed]) -> dict[Key, float]:
    """Return the points of the bodies that a simulator served, tagged according to its inventory."""
    points: dict[Key, float] = {}
    for sample in served:
        assert sample.body is not None, "the simulator has to keep bodies"
        caches = {
            cache.host: Cache(cachegroup=cache.cachegroup, type=cache.type)
            for cache in world.cdn(sample.cdn).caches
        }
        is_cache = sample.feed == "CacheStats"
        feed = CacheFeed(sample.cdn, caches) if is_cache else DeliveryServiceFeed(sample.cdn)
        reading = feed.read(sample.body, oldest=0, most=10_000)
        assert not reading.dropped
        for line in b"\n".join(reading.batches).decode().split("\n"):
            key, value = _parsed(line, DATABASES[0] if is_cache else DATABASES[1])
            points[key] = value
    return points


def stored(influx: Influx) -> dict[Key, float]:
    """Return every point of the two databases."""
    points: dict[Key, float] = {}
    for database in DATABASES:
        for series in influx.query("SELECT value FROM /.*/ GROUP BY *", database=database):
            tags = frozenset((key, value) for key, value in series.tags.items() if value)
            for row in series.rows():
                points[Key(database, series.name, tags, row["time"] // 1_000_000)] = float(row["value"])
    return points


def _parsed(line: str, database: str) -> tuple[Key, float]:
    """Parse a line; the simulator's names need no escaping."""
    match = re.fullmatch(r"([^,\\]+),([^ \\]+) value=(\S+) (\d+)", line)
    assert match, line
    tags = frozenset((key, value) for key, _, value in (pair.partition("=") for pair in match[2].split(",")))
    return Key(database, match[1], tags, int(match[4])), float(match[3])
