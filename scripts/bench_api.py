"""The time of GET cache_stats as a part of that of the same InfluxQL asked straight from InfluxDB.

Two hours at one minute, connections kept alive, one worker, the session remembered. The API and InfluxDB are
asked in turns, by the same client in a process of its own; the median over the rounds' ratios counts, since
others may use the machine.
"""

import argparse
import http.client
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tests' influxd starts ours, too

from tests.support.influxd import Influxd, free_port  # noqa: E402 (after the path)
from tstats import catalog  # noqa: E402
from tstats.api.statistics import statements as influxql_stats  # noqa: E402
from tstats.api.statistics.query import parse_cache_stats  # noqa: E402
from tstats.core.time import MINUTE  # noqa: E402
from tstats.influx.client import Endpoint, Influx  # noqa: E402
from tstats.schema.provision import catalog_schema, provision  # noqa: E402
from tstats.simulator.server import Simulator  # noqa: E402
from tstats.simulator.world import World  # noqa: E402

MEDIAN, RATE, SLOWEST = 1.8, 0.6, 3.0  # the budgets
CLIENTS = 8
HOURS_HELD, MINUTES_ASKED = 24, 120
OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, as often as wanted."""

    url: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def times(asked: Asked, *, clients: int, each: int) -> tuple[list[float], float]:
    """The seconds of every request, and of all together."""
    durations: list[list[float]] = [[] for _ in range(clients)]
    together = threading.Barrier(clients + 1)

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(asked.url).netloc, timeout=60)
        for step in range(each + 1):
            if step == 1:  # the first one made the connection
                together.wait()
            started = time.perf_counter()
            connection.request(asked.method, asked.path, asked.body, asked.headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != OK or b"values" not in content:
                raise SystemExit(
                    f"bench: {asked.url}{asked.path} answered {answer.status}: {content[:200]!r}"
                )
            if step:
                durations[number].append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    together.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return [one for many in durations for one in many], time.perf_counter() - started


def client(pipe: "multiprocessing.connection.Connection") -> None:
    """Ask what the pipe brings, until it brings nothing."""
    while (work := pipe.recv()) is not None:
        asked, clients, each = work
        pipe.send(times(asked, clients=clients, each=each))


def slowest(durations: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(durations, n=100)[-1]


def fill(influx: Influx, cdns: list[str]) -> int:
    """A day of minutes of each CDN; its end, in ns."""
    provision(influx, catalog_schema(catalog.DATABASES, replication=1), allow_data_loss=False, apply=True)
    end = time.time_ns() // MINUTE * MINUTE
    minutes = range(end - HOURS_HELD * 60 * MINUTE, end, MINUTE)
    for rollup in catalog.CACHE_METRICS.values():
        lines = [
            f"{rollup.target},cdn={cdn} value={1e6 + 1000.125 * number} {minute}"
            for cdn in cdns
            for number, minute in enumerate(minutes)
        ]
        influx.write("\n".join(lines).encode(), database=rollup.database, policy=rollup.target_policy)
    return end


def straight(influx: Influx, parameters: dict[str, str]) -> Asked:
    """The API's own statements, in one request."""
    query = parse_cache_stats(parameters, "", catalog.CACHE_METRICS, max_points=100_000)
    form = {
        "q": influxql_stats.cache_stats(query),
        "params": json.dumps({"name": query.cdn}),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}
    return Asked(url=influx.url, method="POST", path="/query", headers=headers, body=urlencode(form).encode())


def wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Until the API is healthy."""
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == OK:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise SystemExit("bench: the API does not answer")


def login(simulator: Simulator) -> str:
    """A session's cookie."""
    connection = http.client.HTTPConnection(urlsplit(simulator.traffic_ops_url).netloc, timeout=5)
    credentials = json.dumps({"u": simulator.user, "p": simulator.password})
    connection.request("POST", "/api/5.0/user/login", credentials)
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    answer.read()
    connection.close()
    return cookie


def measure(api: Asked, influx: Asked, *, rounds: int, requests: int) -> None:
    """Print the figures."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=client, args=(theirs,), daemon=True)
    process.start()

    def take(asked: Asked, clients: int) -> tuple[list[float], float]:
        ours.send((asked, clients, requests // clients))
        taken: tuple[list[float], float] = ours.recv()
        return taken

    for asked in (api, influx):
        take(asked, CLIENTS)  # all connections made, all caches warm
    for clients in (1, CLIENTS):
        medians, rates, tails = [], [], []
        shown: list[float] = []
        for _ in range(rounds):
            (mine, mine_all), (plain, plain_all) = take(api, clients), take(influx, clients)
            medians.append(statistics.median(mine) / statistics.median(plain))
            rates.append((len(mine) / mine_all) / (len(plain) / plain_all))
            tails.append(slowest(mine) / slowest(plain))
            shown = [statistics.median(mine), statistics.median(plain), len(mine) / mine_all]
        print(
            f"api  {clients} client{'s' if clients > 1 else ' '}"
            f"  median {shown[0] * 1e3:.2f} ms, straight {shown[1] * 1e3:.2f} ms, {shown[2]:.0f} a second"
            + (
                f"  median {statistics.median(medians):.2f} / {MEDIAN}"
                if clients == 1
                else f"  rate {statistics.median(rates):.2f} / {RATE} (at least)"
            )
            + f"  p99 {statistics.median(tails):.2f} / {SLOWEST}"
        )
    ours.send(None)
    process.join()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (7)")
    parser.add_argument("--requests", type=int, default=800, help="in a round (800)")
    options = parser.parse_args()
    world = World.build()
    with (
        tempfile.TemporaryDirectory() as folder,
        Influxd(Path(folder) / "influxd") as server,
        Simulator(world) as simulator,
    ):
        influx = Influx(Endpoint(url=server.url))
        cdns = [cdn.name for cdn in world.cdns]
        end = fill(influx, cdns)
        parameters = {
            "metricType": "bandwidth",
            "startDate": str(end - MINUTES_ASKED * MINUTE),
            "endDate": str(end),
            "cdnName": cdns[0],
        }
        cfg = Path(folder) / "api.cfg"
        cfg.write_text(
            json.dumps(
                {
                    "toUrl": simulator.traffic_ops_url,
                    "influxUrls": [server.url],
                    "spoolDirectory": str(Path(folder) / "spool"),
                }
            )
        )
        port = free_port()
        api = Asked(
            url=f"http://127.0.0.1:{port}",
            method="GET",
            path=f"/api/5.0/cache_stats?{urlencode(parameters)}",
            headers={"Cookie": login(simulator), "Accept-Encoding": "identity"},
        )
        command = [str(ROOT / ".venv/bin/tstats"), "api", "--cfg", str(cfg), "--bind", f"127.0.0.1:{port}"]
        process = subprocess.Popen(command)
        try:
            wait_for(api.url, process)
            measure(api, straight(influx, parameters), rounds=options.rounds, requests=options.requests)
        finally:
            process.terminate()
            process.wait(20)
        influx.close()


if __name__ == "__main__":
    main()
