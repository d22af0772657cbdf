"""The main job end to end: a simulated CDN, real InfluxDBs, our commands as a user types them.

Starts an influxd and the simulator on loopback ports of their own, creates the databases, collects for a
short while, shows what is in InfluxDB, repairs rollups after an outage, summarizes days, syncs a second
site and heals it, and stops what it started.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tests' influxd starts ours, too

from rich.console import Console  # noqa: E402 (after the path)

from tests.support.influxd import Influxd  # noqa: E402
from tstats.catalog import CACHE_STATS, DAILY, DATABASES, MONTHLY, ROLLUPS  # noqa: E402
from tstats.core.influxql import identifier, select_rollup, source, string  # noqa: E402
from tstats.core.line_protocol import point  # noqa: E402
from tstats.simulator.traffic import cache_load, cache_stats  # noqa: E402
from tstats.simulator.world import Cache, World  # noqa: E402
from tstats.stores.influx import Endpoint, Influx  # noqa: E402

COMMANDS = Path(sys.executable).parent
BARS = "▁▂▃▄▅▆▇█"
SHOWN = ("bandwidth", "bandwidth.1min", "kbps", "kbps.ds.1min", "tps_2xx")
POLLING_SECONDS = 1
LEAST_SECONDS = 15  # a few samples of each cache
console = Console(highlight=False, soft_wrap=True)


def step(text: str) -> None:
    """Say what comes."""
    console.print(f"\n[bold]== {text}[/bold]")


def run(*command: str, expect: int = 0) -> None:
    """Run one of our commands as a user would, and show it."""
    console.print(f"$ {' '.join(command)}", style="cyan", markup=False)
    result = subprocess.run([str(COMMANDS / command[0]), *command[1:]], check=False)
    if result.returncode != expect:
        sys.exit(f"demo: {command[0]} ended with {result.returncode} instead of {expect}")


@contextmanager
def started(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command of ours in the background; ended with SIGTERM."""
    console.print(f"$ {' '.join(command)} &", style="cyan", markup=False)
    with log.open("wb") as file:
        process = subprocess.Popen([str(COMMANDS / command[0]), *command[1:]], stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def simulated(stack: ExitStack, folder: Path, seed: int) -> dict[str, object]:
    """Start the simulator; what it says of itself."""
    log = folder / "simulator.log"
    process = stack.enter_context(
        started("tstats", "simulate", "--port", "0", "--seed", str(seed), "--output", "json", log=log)
    )
    deadline = time.monotonic() + 20
    while not (text := log.read_text()).endswith("\n"):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"demo: the simulator did not start: {text}")
        time.sleep(0.05)
    answer: dict[str, object] = json.loads(text)
    return answer


def write_config(path: Path, simulator: dict[str, object], *urls: str) -> None:
    """A traffic_stats.cfg as Go's, with short intervals; its password comes from the environment."""
    settings = {
        "toUrl": simulator["trafficOps"],
        "toUser": simulator["user"],
        "influxUrls": urls,
        "pollingInterval": POLLING_SECONDS,
        "publishingInterval": 2,
        "statusToMon": "ONLINE",
        "cacheRetentionPolicy": "daily",
        "dsRetentionPolicy": "daily",
        "dailySummaryRetentionPolicy": "indefinite",
        "spoolDirectory": str(path.parent / "spool"),
    }
    path.write_text(json.dumps(settings, indent=2))
    os.environ["TSTATS_TO_PASSWD"] = str(simulator["password"])
    console.print(path.read_text(), markup=False)


def show_points(influx: Influx) -> None:
    """The points of each measurement, and the newest point of a few series."""
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


def column(influx: Influx, statement: str, name: str) -> list[str]:
    """One column of an answer."""
    return [row[name] for series in influx.query(statement) for row in series.rows()]


def show_bandwidth(influx: Influx, *, seconds: int) -> None:
    """A sparkline of each CDN's bandwidth while we collected."""
    name = source(CACHE_STATS, DAILY, "bandwidth")
    values_of = f"SHOW TAG VALUES ON {identifier(CACHE_STATS)} FROM bandwidth WITH KEY = cdn"
    console.print("")
    for cdn in column(influx, values_of, "value"):
        recent = f"time > now() - {seconds}s"
        # Each cache is sampled every few seconds; one without a sample in a step keeps its last value.
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


def tags_of(cache: Cache) -> dict[str, str]:
    """The tags that the collector gives a cache's points."""
    return {
        "cachegroup": cache.cachegroup,
        "cdn": cache.cdn,
        "hostname": cache.host,
        "type": cache.type,
    }


def write_history(influx: Influx, *, days: int, seed: int) -> None:
    """The rollups of the last days of the simulated caches, as a site has them that runs since long."""
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


def deliver_late(influx: Influx, *, seed: int) -> None:
    """Half an hour of raw points, two hours old: what a spool delivers after an outage."""
    world = World.build(seed=seed)
    begin = int(time.time()) // 60 * 60 - 7200
    lines = []
    for cdn in world.cdns:
        for cache in cdn.caches:
            load = cache_load(world.seed, cache)
            tags = tags_of(cache)
            for second in range(begin, begin + 1800, 10):
                stats = cache_stats(load, second * 1000)
                lines += [
                    point(stat, tags=tags, fields={"value": float(stats[stat])}, time=second)
                    for stat in ("bandwidth", "maxKbps")
                ]
    influx.write("\n".join(lines).encode(), database=CACHE_STATS, policy=DAILY, precision="s")
    console.print(
        f"{len(lines)} raw points of half an hour, delivered when no continuous query looks any more"
    )


def show_rows(database: Path) -> None:
    """The rows of the SQL database."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT stat_date, cdn_name, deliveryservice_name, stat_name, stat_value"
            " FROM stats_summary ORDER BY 1, 2, 4"
        )
        for row in rows:
            console.print("  {}  {:5} {:4} {:17} {:9.3f}".format(*row), markup=False)


def lose_an_hour(influx: Influx) -> None:
    """Delete an hour of yesterday's points on one server, as a bad disk would."""
    end = int(time.time()) // 3600 * 3600 - 86_400
    statement = f'DELETE FROM "bandwidth.1min" WHERE time >= {end - 3600}s AND time < {end}s'
    console.print(f"> {statement}", style="cyan", markup=False)
    influx.query(statement, database=CACHE_STATS)


def until_a_minute_has_ended(*, least: int = 25, most: int = 58) -> int:
    """Seconds to collect, so that the continuous queries run once while we do."""
    seconds = 64 - int(time.time()) % 60
    return seconds if least <= seconds <= most else 45


def create(server: Influxd) -> None:
    """The databases."""
    step("The databases, retention policies and continuous queries: planned, applied, checked")
    run("create_ts_databases", "--url", server.url, "--replication", "1")
    run("create_ts_databases", "--url", server.url, "--replication", "1", "--check")


def collect(config: Path, influx: Influx, *, seconds: int) -> None:
    """The main job."""
    log = config.parent / "collect.log"
    with started("tstats", "collect", "--cfg", str(config), log=log) as collector:
        ended = time.monotonic() + seconds
        while time.monotonic() < ended:
            if collector.poll() is not None:
                sys.exit(f"demo: the collector ended:\n{log.read_text()}")
            time.sleep(0.5)
    lines = log.read_text().splitlines()
    console.print(f"{len(lines)} events in its log, such as", markup=False)
    for event in ("event=inventory", "event=collected", "event=published", "event=stopped"):
        console.print(next((line for line in lines if event in line), f"(no {event})"), markup=False)
    step("What is in InfluxDB")
    show_points(influx)
    show_bandwidth(influx, seconds=seconds)


def repair(config: Path, influx: Influx, *, seed: int) -> None:
    """The rollups after an outage."""
    step("After an outage: late points, rollups with a hole, and their repair")
    deliver_late(influx, seed=seed)
    run("tstats", "rollup", "status", "--cfg", str(config), expect=3)
    run("tstats", "rollup", "repair", "--cfg", str(config))
    run("tstats", "rollup", "status", "--cfg", str(config))


def summarize(config: Path, influx: Influx, *, seed: int) -> None:
    """The finished days."""
    step("The days: each finished one summarized, once")
    write_history(influx, days=3, seed=seed)
    run("tstats", "db", "upgrade", "--cfg", str(config))
    run("tstats", "summarize", "--cfg", str(config))
    console.print("The rows of stats_summary:")
    show_rows(config.parent / "tstats.db")


def sync(server: Influxd, second: Influxd) -> None:
    """A second site."""
    step("A second site: everything copied, compared, and healed after a loss")
    both = ("--source-url", server.url, "--target-url", second.url)
    run("sync_ts_databases", *both)
    run("sync_ts_databases", *both, "--check")
    other = Influx(Endpoint(url=second.url))
    lose_an_hour(other)
    other.close()
    run("sync_ts_databases", *both, "--check", expect=3)
    run("sync_ts_databases", *both)


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, help="how long to collect, at least 15 (default: until a minute has ended)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the simulated traffic")
    options = parser.parse_args()
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tstats-demo-")))
        step("An influxd of our own, and a simulated CDN: Traffic Ops and Traffic Monitors")
        server = stack.enter_context(Influxd(folder / "influxd"))
        console.print(f"influxd answers at {server.url}", markup=False)
        simulator = simulated(stack, folder, options.seed)
        influx = Influx(Endpoint(url=server.url))
        stack.callback(influx.close)
        create(server)
        seconds = max(LEAST_SECONDS, options.seconds or until_a_minute_has_ended())
        step(f"Collecting for {seconds} s with this traffic_stats.cfg")
        config = folder / "traffic_stats.cfg"
        write_config(config, simulator, server.url)
        collect(config, influx, seconds=seconds)
        repair(config, influx, seed=options.seed)
        summarize(config, influx, seed=options.seed)
        sync(server, stack.enter_context(Influxd(folder / "second-influxd")))
    console.print(f"\nAll of it stopped again, after {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
