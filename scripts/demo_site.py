"""The points that the demo writes itself, and what it shows of the databases."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console

from tstats.catalog import CACHE_STATS, DAILY, DATABASES, MONTHLY, ROLLUPS
from tstats.influx.client import Influx
from tstats.influx.influxql import identifier, select_rollup, source, string
from tstats.influx.line_protocol import point
from tstats.simulator.traffic import cache_load, cache_stats
from tstats.simulator.world import CacheServer, World

BARS = "▁▂▃▄▅▆▇█"
SHOWN = ("bandwidth", "bandwidth.1min", "kbps", "kbps.ds.1min", "tps_2xx")
console = Console(highlight=False, soft_wrap=True)


def tags_of(cache: CacheServer) -> dict[str, str]:
    """Return the tags that the collector gives a cache's points."""
    return {
        "cachegroup": cache.cachegroup,
        "cdn": cache.cdn,
        "hostname": cache.host,
        "type": cache.type,
    }


def half_an_hour() -> range:
    """Return the seconds of an outage that began two hours ago."""
    begin = int(time.time()) // 60 * 60 - 7200
    return range(begin, begin + 1800)


def write_history(influx: Influx, *, days: int, seed: int, outage: range) -> None:
    """Write the rollups of the last days, as a site has them that has been running for a long time.

    Those of the outage were repaired, and are there already.
    """
    world = World.build(seed=seed)
    now = int(time.time()) // 60 * 60
    begin = now - days * 86_400
    for cdn in world.cdns:
        for cache in cdn.caches:
            load = cache_load(world.seed, cache)
            tags = tags_of(cache)
            lines = [
                point(
                    "bandwidth.1min",
                    tags=tags,
                    fields={"value": float(cache_stats(load, second * 1000)["bandwidth"])},
                    time=second,
                )
                for second in range(begin, now, 60)
                if second not in outage
            ]
            influx.write("\n".join(lines).encode(), database=CACHE_STATS, policy=MONTHLY, precision="s")
    for rollup in ROLLUPS:
        if rollup.source == "bandwidth.1min":
            statement = select_rollup(rollup).replace(
                " GROUP BY", f" WHERE time >= {begin}s AND time < {now}s GROUP BY"
            )
            influx.query(statement)
    console.print(
        f"{days} days of bandwidth of {sum(len(cdn.caches) for cdn in world.cdns)} caches, minute by minute"
    )


def deliver_late(influx: Influx, outage: range, *, seed: int) -> None:
    """Write the raw points of an outage, as the spool delivers them after it."""
    world = World.build(seed=seed)
    lines = []
    for cdn in world.cdns:
        for cache in cdn.caches:
            load = cache_load(world.seed, cache)
            tags = tags_of(cache)
            for second in outage[::10]:
                stats = cache_stats(load, second * 1000)
                lines += [
                    point(stat, tags=tags, fields={"value": float(stats[stat])}, time=second)
                    for stat in ("bandwidth", "maxKbps")
                ]
    influx.write("\n".join(lines).encode(), database=CACHE_STATS, policy=DAILY, precision="s")
    console.print(f"{len(lines)} raw points of half an hour, delivered too late for the continuous queries")


def lose_an_hour(influx: Influx) -> None:
    """Delete an hour of yesterday's points on one server, as a bad disk might."""
    end = int(time.time()) // 3600 * 3600 - 86_400
    statement = f'DELETE FROM "bandwidth.1min" WHERE time >= {end - 3600}s AND time < {end}s'
    console.print(f"> {statement}", style="cyan", markup=False)
    influx.query(statement, database=CACHE_STATS)


def column(influx: Influx, statement: str, name: str) -> list[str]:
    """Return one column of an answer."""
    return [row[name] for series in influx.query(statement) for row in series.rows()]


def show_points(influx: Influx) -> None:
    """Print the number of points of each measurement, and the newest point of a few series."""
    console.print(f"{'points':>8}  measurement", markup=False)
    examples = []
    for database in DATABASES:
        names = column(influx, f"SHOW MEASUREMENTS ON {identifier(database.name)}", "name")
        for policy in database.policies:
            for name in names:
                origin = source(database.name, policy.name, name)
                counted = influx.query(f"SELECT count(*) FROM {origin}")
                if not counted:
                    continue
                points = max(counted[0].values[0][1:])
                console.print(f"{points:8}  {database.name}.{policy.name}.{name}", markup=False)
                if name in SHOWN:
                    newest = influx.query(f"SELECT last(*) FROM {origin} GROUP BY * SLIMIT 1")[0]
                    tags = ",".join(f"{tag}={value}" for tag, value in newest.tags.items() if value)
                    examples.append(f"{name},{tags} value={newest.values[0][1]:g}")
    console.print("\nThe newest point of a few series:")
    for example in examples:
        console.print(f"  {example}", markup=False)


def show_bandwidth(influx: Influx, *, seconds: int) -> None:
    """Print a sparkline of each CDN's bandwidth during the collection."""
    name = source(CACHE_STATS, DAILY, "bandwidth")
    values_of = f"SHOW TAG VALUES ON {identifier(CACHE_STATS)} FROM bandwidth WITH KEY = cdn"
    console.print("")
    for cdn in column(influx, values_of, "value"):
        recent = f"time > now() - {seconds}s"
        # Each cache is sampled every few seconds; a cache without a sample in a step keeps its last value.
        answer = influx.query(
            f"SELECT mean(value) FROM {name} WHERE cdn = {string(cdn)} AND {recent}"
            " GROUP BY time(5s), hostname fill(previous)"
        )
        steps = zip(*(series.values for series in answer), strict=True)
        gbps = [sum(kbps or 0 for _, kbps in step) / 1e6 for step in steps][1:-1]  # whole steps only
        low, high = min(gbps), max(gbps)
        step_size = (high - low) / (len(BARS) - 1) or 1
        bars = "".join(BARS[round((value - low) / step_size)] for value in gbps)
        console.print(f"{cdn} bandwidth  {bars}  {low:.2f} … {high:.2f} Gbps", markup=False)


def show_rows(database: Path) -> None:
    """Print the rows of the SQL database."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT stat_date, cdn_name, deliveryservice_name, stat_name, stat_value"
            " FROM stats_summary ORDER BY 1, 2, 4"
        )
        for row in rows:
            console.print("  {}  {:5} {:4} {:17} {:9.3f}".format(*row), markup=False)
