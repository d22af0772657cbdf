"""The main job end to end: a simulated CDN, real InfluxDBs, and the commands as a user types them.

Starts an influxd and the simulator on their own loopback ports, creates the databases, collects for a short
while, shows what is in InfluxDB, repairs rollups after an outage, summarizes days, syncs a second site and
heals it, queries the API, and stops everything that it started.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from scripts import demo_site as site
from scripts.demo_site import console
from tests.support.commands import command
from tests.support.influxd import Influxd
from tests.support.program import Program
from tstats.influx.client import Endpoint, Influx

POLLING_SECONDS = 1
LEAST_SECONDS = 15  # a few samples of each cache


def step(text: str) -> None:
    """Announce the next step."""
    console.print(f"\n[bold]== {text}[/bold]")


def run(*words: str, expect: int = 0) -> None:
    """Show a command and run it as a user would."""
    console.print(f"$ {' '.join(words)}", style="cyan", markup=False)
    result = subprocess.run([command(words[0]), *words[1:]], check=False)
    if result.returncode != expect:
        sys.exit(f"demo: {words[0]} ended with status {result.returncode} instead of {expect}")


@contextmanager
def started(*words: str, log: Path) -> Iterator[Program]:
    """Show a command and run it in the background; it is ended with SIGTERM."""
    console.print(f"$ {' '.join(words)} &", style="cyan", markup=False)
    with Program([command(words[0]), *words[1:]], log=log) as program:
        yield program


def simulated(stack: ExitStack, folder: Path, seed: int) -> dict[str, object]:
    """Start the simulator; return what it prints about itself."""
    options = ("--port", "0", "--seed", str(seed), "--output", "json")
    simulator = stack.enter_context(started("tstats", "simulate", *options, log=folder / "simulator.log"))
    answer: dict[str, object] = json.loads(simulator.wait_for_text(".*\n")[0])
    return answer


def write_config(path: Path, simulator: dict[str, object], *urls: str) -> None:
    """Write a traffic_stats.cfg like Go's, with short intervals; the password comes from the environment."""
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


def curl(*arguments: str) -> str:
    """Show a curl command and run it; return its output."""
    console.print(f"$ curl {shlex.join(arguments)}", style="cyan", markup=False)
    result = subprocess.run(["curl", "--silent", "--show-error", *arguments], check=True, capture_output=True)  # noqa: S607
    return result.stdout.decode()


def served(stack: ExitStack, config: Path, name: str = "api") -> str:
    """Start the API; return its URL."""
    words = ("tstats", "api", "--cfg", str(config), "--bind", "127.0.0.1:0")
    api = stack.enter_context(started(*words, log=config.parent / f"{name}.log"))
    return api.wait_for_text(r"event=listening url=(\S+)")[1]


def log_in(simulator: dict[str, object], folder: Path) -> str:
    """Begin a session with Traffic Ops; return the file with its cookie."""
    credentials, jar = folder / "login.json", folder / "cookies"
    credentials.touch(mode=0o600)
    credentials.write_text(json.dumps({"u": simulator["user"], "p": simulator["password"]}))
    url = f"{simulator['trafficOps']}/api/5.0/user/login"
    console.print(curl("--cookie-jar", str(jar), "--data", f"@{credentials}", url), markup=False)
    return str(jar)


def ask(api: str, jar: str) -> None:
    """Query the API as Traffic Portal would, with a session of Traffic Ops."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    query = urlencode(
        {
            "cdnName": "cdn1",
            "metricType": "bandwidth",
            "startDate": f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
            "endDate": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "interval": "30m",
        },
        safe=":",
    )
    console.print(curl(f"{api}/api/5.0/cache_stats?{query}"), markup=False)
    for path in (f"cache_stats?{query}", "current_stats", "stats_summary?cdnName=cdn1&limit=2"):
        console.print(curl("--cookie", jar, f"{api}/api/5.0/{path}"), markup=False)


def until_a_minute_has_ended(*, least: int = 25, most: int = 58) -> int:
    """Return how many seconds to collect so that the continuous queries run once in that time."""
    seconds = 64 - int(time.time()) % 60
    return seconds if least <= seconds <= most else 45


def create(server: Influxd) -> None:
    """Create the databases."""
    step("Databases, retention policies and continuous queries: planned, applied, checked")
    run("create_ts_databases", "--url", server.url, "--replication", "1")
    run("create_ts_databases", "--url", server.url, "--replication", "1", "--check")


def collect(config: Path, influx: Influx, *, seconds: int) -> None:
    """Collect for a while, and show what came of it."""
    with started("tstats", "collect", "--cfg", str(config), log=config.parent / "collect.log") as collector:
        end = time.monotonic() + seconds
        collector.wait_until(lambda: time.monotonic() > end, "the time to be up", seconds=seconds + 10)
    lines = collector.log().splitlines()
    console.print(f"{len(lines)} events in its log, such as", markup=False)
    for event in ("event=inventory", "event=collected", "event=published", "event=stopped"):
        console.print(next((line for line in lines if event in line), f"(no {event})"), markup=False)
    step("What is in InfluxDB")
    site.show_points(influx)
    site.show_bandwidth(influx, seconds=seconds)


def repair(config: Path, influx: Influx, outage: range, *, seed: int) -> None:
    """Repair the rollups after an outage."""
    step("After an outage: late points, rollups with a hole, and their repair")
    site.deliver_late(influx, outage, seed=seed)
    run("tstats", "rollup", "status", "--cfg", str(config), expect=3)
    run("tstats", "rollup", "repair", "--cfg", str(config))
    run("tstats", "rollup", "status", "--cfg", str(config))


def summarize(config: Path, influx: Influx, outage: range, *, seed: int) -> None:
    """Summarize the finished days."""
    step("Daily summaries: every finished day, exactly once")
    site.write_history(influx, days=3, seed=seed, outage=outage)
    run("tstats", "db", "upgrade", "--cfg", str(config))
    run("tstats", "summarize", "--cfg", str(config))
    console.print("The rows of stats_summary:")
    site.show_rows(config.parent / "tstats.db")


def sync(server: Influxd, second: Influxd) -> None:
    """Sync a second site."""
    step("A second site: everything is copied, compared, and healed after a loss")
    both = ("--source-url", server.url, "--target-url", second.url)
    run("sync_ts_databases", *both)
    run("sync_ts_databases", *both, "--check")
    other = Influx(Endpoint(url=second.url))
    site.lose_an_hour(other)
    other.close()
    run("sync_ts_databases", *both, "--check", expect=3)
    run("sync_ts_databases", *both)


def serve(stack: ExitStack, config: Path, simulator: dict[str, object]) -> str:
    """Start and query the API; return its URL."""
    step("The API: the routes of Traffic Ops, on this data, for a session of Traffic Ops")
    api = served(stack, config)
    ask(api, log_in(simulator, config.parent))
    return api


def keep(stack: ExitStack, config: Path, simulator: dict[str, object], api: str) -> None:
    """Leave everything running until Ctrl-C."""
    step("Everything keeps running, with live traffic, until Ctrl-C")
    os.environ["TSTATS_API_AUTH"] = "none"  # so that a browser on this machine needs no session
    page = served(stack, config, "page")
    del os.environ["TSTATS_API_AUTH"]
    log = config.parent / "collect.log"
    collector = stack.enter_context(started("tstats", "collect", "--cfg", str(config), log=log))
    collector.wait_for_text("event=published", seconds=60)
    subprocess.run([command("tstats"), "doctor", "--cfg", str(config)], check=False)
    console.print(
        f"""
The page        {page}/ (open on this machine)
The API         {api}/docs (with a session of Traffic Ops or a token)
Traffic Ops     {simulator["trafficOps"]} (simulated), {simulator["user"]} / {simulator["password"]}
Configuration   {config}
Logs            {log}""",
        markup=False,
    )
    try:
        collector.process.wait()
    except KeyboardInterrupt:
        console.print("")


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, help="how long to collect, at least 15 (default: until a minute has ended)"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave everything running, and print where to look"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the simulated traffic (1)")
    options = parser.parse_args()
    try:
        show(options)
    except AssertionError as error:  # a program did not do what was waited for
        sys.exit(f"demo: {error}")


def show(options: argparse.Namespace) -> None:
    """Show every step."""
    begun = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tstats-demo-")))
        step("An influxd and a simulated CDN: Traffic Ops and Traffic Monitors")
        server = stack.enter_context(Influxd(folder / "influxd"))
        console.print(f"influxd is at {server.url}", markup=False)
        simulator = simulated(stack, folder, options.seed)
        influx = Influx(Endpoint(url=server.url))
        stack.callback(influx.close)
        create(server)
        seconds = max(LEAST_SECONDS, options.seconds or until_a_minute_has_ended())
        step(f"Collecting for {seconds} s with this traffic_stats.cfg")
        config = folder / "traffic_stats.cfg"
        write_config(config, simulator, server.url)
        collect(config, influx, seconds=seconds)
        outage = site.half_an_hour()
        repair(config, influx, outage, seed=options.seed)
        summarize(config, influx, outage, seed=options.seed)
        sync(server, stack.enter_context(Influxd(folder / "second-influxd")))
        api = serve(stack, config, simulator)
        if options.keep:
            keep(stack, config, simulator, api)
    console.print(f"\nEverything is stopped again, after {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
