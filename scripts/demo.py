"""The main job end to end: a simulated CDN, real InfluxDBs, our commands as a user types them.

Starts an influxd and the simulator on loopback ports of their own, creates the databases, collects for a
short while, shows what is in InfluxDB, repairs rollups after an outage, summarizes days, syncs a second
site and heals it, asks the API, and stops what it started.
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

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tests' influxd starts ours, too

from scripts import demo_site as site  # noqa: E402 (after the path)
from scripts.demo_site import console  # noqa: E402
from tests.support.influxd import Influxd  # noqa: E402
from tstats.influx.client import Endpoint, Influx  # noqa: E402

COMMANDS = Path(sys.executable).parent
POLLING_SECONDS = 1
LEAST_SECONDS = 15  # a few samples of each cache


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


def until_it_says(process: subprocess.Popen[bytes], log: Path, words: str, *, seconds: float = 20.0) -> str:
    """What is in the log of a command once it holds some words."""
    deadline = time.monotonic() + seconds
    while words not in (text := log.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"demo: {words!r} did not come: {text}")
        time.sleep(0.05)
    return text


def simulated(stack: ExitStack, folder: Path, seed: int) -> dict[str, object]:
    """Start the simulator; what it says of itself."""
    log = folder / "simulator.log"
    process = stack.enter_context(
        started("tstats", "simulate", "--port", "0", "--seed", str(seed), "--output", "json", log=log)
    )
    text = until_it_says(process, log, "\n")
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


def curl(*arguments: str) -> str:
    """Show and run curl; its output."""
    console.print(f"$ curl {shlex.join(arguments)}", style="cyan", markup=False)
    result = subprocess.run(["curl", "--silent", "--show-error", *arguments], check=True, capture_output=True)  # noqa: S607
    return result.stdout.decode()


def served(stack: ExitStack, config: Path, name: str = "api") -> str:
    """Start the API; its URL."""
    log = config.parent / f"{name}.log"
    command = ("tstats", "api", "--cfg", str(config), "--bind", "127.0.0.1:0")
    process = stack.enter_context(started(*command, log=log))
    text = until_it_says(process, log, "event=listening")
    return next(word.removeprefix("url=") for word in text.split() if word.startswith("url="))


def log_in(simulator: dict[str, object], folder: Path) -> str:
    """Begin a session with Traffic Ops; the file of its cookie."""
    credentials, jar = folder / "login.json", folder / "cookies"
    credentials.touch(mode=0o600)
    credentials.write_text(json.dumps({"u": simulator["user"], "p": simulator["password"]}))
    url = f"{simulator['trafficOps']}/api/5.0/user/login"
    console.print(curl("--cookie-jar", str(jar), "--data", f"@{credentials}", url), markup=False)
    return str(jar)


def ask(api: str, jar: str) -> None:
    """Ask the API as Traffic Portal would, with a session of Traffic Ops."""
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
    site.show_points(influx)
    site.show_bandwidth(influx, seconds=seconds)


def repair(config: Path, influx: Influx, outage: range, *, seed: int) -> None:
    """The rollups after an outage."""
    step("After an outage: late points, rollups with a hole, and their repair")
    site.deliver_late(influx, outage, seed=seed)
    run("tstats", "rollup", "status", "--cfg", str(config), expect=3)
    run("tstats", "rollup", "repair", "--cfg", str(config))
    run("tstats", "rollup", "status", "--cfg", str(config))


def summarize(config: Path, influx: Influx, outage: range, *, seed: int) -> None:
    """The finished days."""
    step("The days: each finished one summarized, once")
    site.write_history(influx, days=3, seed=seed, outage=outage)
    run("tstats", "db", "upgrade", "--cfg", str(config))
    run("tstats", "summarize", "--cfg", str(config))
    console.print("The rows of stats_summary:")
    site.show_rows(config.parent / "tstats.db")


def sync(server: Influxd, second: Influxd) -> None:
    """A second site."""
    step("A second site: everything copied, compared, and healed after a loss")
    both = ("--source-url", server.url, "--target-url", second.url)
    run("sync_ts_databases", *both)
    run("sync_ts_databases", *both, "--check")
    other = Influx(Endpoint(url=second.url))
    site.lose_an_hour(other)
    other.close()
    run("sync_ts_databases", *both, "--check", expect=3)
    run("sync_ts_databases", *both)


def serve(stack: ExitStack, config: Path, simulator: dict[str, object]) -> str:
    """The API; its URL."""
    step("The API: what Traffic Ops answers, on these data, for a session of Traffic Ops")
    api = served(stack, config)
    ask(api, log_in(simulator, config.parent))
    return api


def keep(stack: ExitStack, config: Path, simulator: dict[str, object], api: str) -> None:
    """Leave all of it running until Ctrl-C."""
    step("Kept running, with live traffic, until Ctrl-C")
    os.environ["TSTATS_API_AUTH"] = "none"  # so that a browser on this machine needs no session
    page = served(stack, config, "page")
    del os.environ["TSTATS_API_AUTH"]
    log = config.parent / "collect.log"
    collector = stack.enter_context(started("tstats", "collect", "--cfg", str(config), log=log))
    until_it_says(collector, log, "event=published", seconds=60)
    subprocess.run([str(COMMANDS / "tstats"), "doctor", "--cfg", str(config)], check=False)
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
        collector.wait()
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
    parser.add_argument("--keep", action="store_true", help="leave all of it running, and say where to look")
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
        outage = site.half_an_hour()
        repair(config, influx, outage, seed=options.seed)
        summarize(config, influx, outage, seed=options.seed)
        sync(server, stack.enter_context(Influxd(folder / "second-influxd")))
        api = serve(stack, config, simulator)
        if options.keep:
            keep(stack, config, simulator, api)
    console.print(f"\nAll of it stopped again, after {time.monotonic() - begun:.0f} s.")


if __name__ == "__main__":
    main()
