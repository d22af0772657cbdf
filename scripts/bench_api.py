"""The time of GET cache_stats as a multiple of that of the same InfluxQL, asked of InfluxDB directly.

Two hours by the minute, connections kept alive, one worker, a session that is cached. The API and InfluxDB
are asked in turns by the same client, which runs in its own process; the median of the rounds' ratios
counts, since others may use the machine.
"""

import http.client
import json
import multiprocessing
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode, urlsplit

from scripts import bench_common as common
from tests.support.commands import command
from tests.support.program import Program
from tstats import catalog
from tstats.api.statistics import statements
from tstats.api.statistics.query import parse_cache_stats
from tstats.core.time import MINUTE
from tstats.influx.client import Influx
from tstats.simulator.server import Simulator
from tstats.simulator.world import World

MEDIAN, RATE, SLOWEST = 1.5, 0.7, 3.0  # the budgets: multiples of InfluxDB's own figures
CLIENTS = 8
HOURS_HELD, MINUTES_ASKED = 24, 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request that is sent as often as wanted."""

    url: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """The seconds of each request, and of all of them together."""

    durations: list[float]
    together: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.durations) / self.together

    @property
    def slowest(self) -> float:
        """The 99th percentile."""
        return quantiles(self.durations, n=100)[-1]


def ask(question: Question, *, clients: int, each: int) -> Times:
    """Ask a question `each` times from each of some clients at once."""
    durations: list[float] = []
    together = threading.Barrier(clients + 1)

    def run_client() -> None:
        connection = http.client.HTTPConnection(urlsplit(question.url).netloc, timeout=60)
        for step in range(each + 1):
            if step == 1:  # the first request only opened the connection
                together.wait()
            started = time.perf_counter()
            connection.request(question.method, question.path, question.body, question.headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != HTTPStatus.OK or b"values" not in content:
                where = f"{question.url}{question.path}"
                raise SystemExit(f"bench: {where} answered {answer.status}: {content[:200]!r}")
            if step:
                durations.append(time.perf_counter() - started)
        connection.close()

    threads = [threading.Thread(target=run_client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    together.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return Times(durations, time.perf_counter() - started)


def run_clients(pipe: Connection) -> None:
    """Ask the questions that come through the pipe, until it brings None."""
    while (work := pipe.recv()) is not None:
        question, clients, each = work
        pipe.send(ask(question, clients=clients, each=each))


def fill(influx: Influx, cdns: list[str]) -> int:
    """Write a day of one-minute values of each CDN; return its end, in ns."""
    common.make_databases(influx)
    end = time.time_ns() // MINUTE * MINUTE
    minutes = range(end - HOURS_HELD * 60 * MINUTE, end, MINUTE)
    for rollup in catalog.CACHE_METRICS.values():
        lines = [
            f"{rollup.target},cdn={cdn} value={1e6 + 1000.125 * number} {minute}"
            for cdn in cdns
            for number, minute in enumerate(minutes)
        ]
        common.write_lines(influx, lines, database=rollup.database, policy=rollup.target_policy)
    return end


def of_influxdb(influx: Influx, parameters: dict[str, str]) -> Question:
    """Return the API's own statements as one request to InfluxDB."""
    query = parse_cache_stats(parameters, "", catalog.CACHE_METRICS, max_points=100_000)
    form = {"q": statements.cache_stats(query), "params": json.dumps({"name": query.cdn})}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "identity"}
    body = urlencode(form).encode()
    return Question(url=influx.url, method="POST", path="/query", headers=headers, body=body)


def log_in(simulator: Simulator) -> str:
    """Return the cookie of a session with Traffic Ops."""
    connection = http.client.HTTPConnection(urlsplit(simulator.traffic_ops_url).netloc, timeout=5)
    credentials = json.dumps({"u": simulator.user, "p": simulator.password})
    connection.request("POST", "/api/5.0/user/login", credentials)
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    answer.read()
    connection.close()
    return cookie


def measure(api: Question, influx: Question, *, rounds: int, requests: int) -> None:
    """Ask in turns, and print the figures."""
    context = multiprocessing.get_context("spawn")
    pipe, other_end = context.Pipe()
    process = context.Process(target=run_clients, args=(other_end,), daemon=True)
    process.start()

    def take(question: Question, clients: int) -> Times:
        pipe.send((question, clients, requests // clients))
        taken: Times = pipe.recv()
        return taken

    for question in (api, influx):
        take(question, CLIENTS)  # opens all connections and fills all caches
    for clients in (1, CLIENTS):
        found = [(take(api, clients), take(influx, clients)) for _ in range(rounds)]
        print(f"api: {clients} client{'s' if clients > 1 else ''}", flush=True)
        last_api, last_influx = found[-1]
        common.detail("median of the API", f"{median(last_api.durations) * 1e3:.2f} ms")
        common.detail("median of InfluxDB", f"{median(last_influx.durations) * 1e3:.2f} ms")
        common.detail("rate of the API", f"{last_api.rate:.0f} requests per second")
        if clients == 1:
            ratio = median(median(mine.durations) / median(its.durations) for mine, its in found)
            common.measured("median: multiple of InfluxDB's", ratio, MEDIAN)
        else:
            ratio = median(mine.rate / its.rate for mine, its in found)
            common.measured("rate: share of InfluxDB's", ratio, RATE, at_least=True)
        tail = median(mine.slowest / its.slowest for mine, its in found)
        common.measured("99th percentile: multiple of InfluxDB's", tail, SLOWEST)
    pipe.send(None)
    process.join()


def main() -> None:
    """Run the bench."""
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is measured (7)")
    parser.add_argument("--requests", type=int, default=800, help="in one round (800)")
    options = parser.parse_args()
    world = World.build()
    with (
        tempfile.TemporaryDirectory(prefix="tstats-bench-") as name,
        common.running_influxd() as influx,
        Simulator(world) as simulator,
    ):
        cdns = [cdn.name for cdn in world.cdns]
        end = fill(influx, cdns)
        parameters = {
            "metricType": "bandwidth",
            "startDate": str(end - MINUTES_ASKED * MINUTE),
            "endDate": str(end),
            "cdnName": cdns[0],
        }
        folder = Path(name)
        cfg = folder / "api.cfg"
        settings = {
            "toUrl": simulator.traffic_ops_url,
            "influxUrls": [influx.url],
            "spoolDirectory": str(folder / "spool"),
        }
        cfg.write_text(json.dumps(settings))
        serving = [command("tstats"), "api", "--cfg", cfg, "--bind", "127.0.0.1:0"]
        with Program(serving, log=folder / "api.log") as program:
            api = Question(
                url=program.wait_for_text(r"event=listening url=(\S+)")[1],
                method="GET",
                path=f"/api/5.0/cache_stats?{urlencode(parameters)}",
                headers={"Cookie": log_in(simulator), "Accept-Encoding": "identity"},
            )
            question = of_influxdb(influx, parameters)
            measure(api, question, rounds=options.rounds, requests=options.requests)


if __name__ == "__main__":
    main()
