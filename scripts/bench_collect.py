"""The collector's CPU per point and its memory, for one poll of a large CDN: 115,800 points.

The CDN has 1,000 caches with 15 stats each, and 300 delivery services with 8 stats for each of 42 locations
and types. CPU is that of the collecting process alone, from a payload in memory to the bytes in InfluxDB's
socket; the servers run in other processes. Memory is the peak of the real `tstats collect` while it polls
that CDN.
"""

import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import structlog

from scripts import bench_common as common
from tests.support.commands import command
from tstats.collect.batch import Batch
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.publish import Publisher
from tstats.collect.spool import Spool
from tstats.daemon.daemon import tune_memory
from tstats.influx.client import Endpoint, Influx
from tstats.simulator.faults import Fault
from tstats.simulator.server import DEFAULT_PASSWORD, DEFAULT_USER, Simulator
from tstats.simulator.world import World
from tstats.traffic_control.inventory import Cache

if TYPE_CHECKING:
    from collections.abc import Callable

CPU, MEMORY = 2.5, 150  # the budgets: µs per point, and MB
CACHES, CACHE_STATS = 1000, 15
SERVICES, SCOPES = 300, ["total", "type.EDGE", "type.MID", *(f"location.group-{n}" for n in range(39))]
TPS = ["tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx", "tps_total"]
COUNTS = ["kbps", "status_4xx", "status_5xx"]
BATCH = 10_000
POLLING_SECONDS = 3


def payloads() -> tuple[bytes, bytes]:
    """Return CacheStats and DsStats as a Traffic Monitor writes them, with values of the usual shapes."""
    chance = random.Random(1)  # noqa: S311 (data, not secrets)
    now = int(time.time() * 1000)

    def count() -> str:
        return str(chance.randrange(10**6))

    def rate() -> str:
        return f"{chance.random() * 1000:.6f}"

    others = [f"ats.proxy.process.stat_{n}" for n in range(CACHE_STATS - 3)]
    caches = {
        f"edge-{host:04}": {
            stat: [{"value": count(), "time": now - chance.randrange(8000), "span": 1}]
            for stat in ["bandwidth", "maxKbps", "speed", *others]
        }
        for host in range(CACHES)
    }
    kinds: list[tuple[list[str], Callable[[], str]]] = [(COUNTS, count), (TPS, rate)]
    services = {
        f"service-{service:03}": {
            f"{scope}.{stat}": [{"time": now, "value": value()}]
            for scope in SCOPES
            for names, value in kinds
            for stat in names
        }
        for service in range(SERVICES)
    }
    head = {"pp": "hc=[1]", "date": "now"}
    return (
        json.dumps(head | {"caches": caches}, separators=(",", ":")).encode(),
        json.dumps({"deliveryService": services} | head, separators=(",", ":")).encode(),
    )


class _Sink(BaseHTTPRequestHandler):
    """Accepts every write, like an InfluxDB that costs nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def serve_sink(pipe: Connection) -> None:
    """Run the sink, and send its port through the pipe."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    pipe.send(server.server_port)
    server.serve_forever()


def measure_cpu(repeats: int) -> None:
    """Print the CPU per point of each step, the median of some polls."""
    parent, child = multiprocessing.Pipe()
    sink = multiprocessing.get_context("fork").Process(target=serve_sink, args=(child,), daemon=True)
    sink.start()
    inventory = {f"edge-{n:04}": Cache(cachegroup=f"group-{n % 39}", type="EDGE") for n in range(CACHES)}
    feeds = (CacheFeed("cdn1", inventory), DeliveryServiceFeed("cdn1"))
    bodies = payloads()
    tune_memory()  # as the daemon does
    rounds: list[list[float]] = []
    points = 0
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="tstats-bench-") as folder:
        spool = Spool(Path(folder), ["any"], max_bytes=1 << 30)
        writer = Influx(Endpoint(url=f"http://127.0.0.1:{parent.recv()}"))
        publisher = Publisher(
            spool=spool,
            target="any",
            writers=[writer],
            metrics=CollectorMetrics(),
            log=structlog.get_logger(),
        )
        for _ in range(repeats):
            times = [time.process_time()]
            readings = [
                feed.read(body, oldest=0, most=BATCH) for feed, body in zip(feeds, bodies, strict=True)
            ]
            times.append(time.process_time())
            for reading in readings:
                spool.put(batches(reading))
            times.append(time.process_time())
            for name in spool.waiting("any", 1000):
                spool.read("any", name)
            times.append(time.process_time())
            publisher.drain()
            times.append(time.process_time())
            points = sum(reading.points for reading in readings)
            rounds.append([(end - start) / points * 1e6 for start, end in pairwise(times)])
        publisher.close()
        spool.close()
    sink.terminate()
    to_lines, to_spool, from_spool, to_socket = (median(step) for step in zip(*rounds, strict=True))
    total = to_lines + to_spool + to_socket  # reading the spool is a part of the last step
    print(f"collect: {points:,} points per poll", flush=True)
    common.detail("payload → lines", f"{to_lines:.2f} µs per point")
    common.detail("lines → spool (on disk)", f"{to_spool:.2f} µs per point")
    common.detail("spool → socket", f"{to_socket:.2f} µs per point, {from_spool:.2f} of it to read the spool")
    common.detail("share of the spool", f"{(to_spool + from_spool) / total:.0%}")
    common.measured("CPU per point", total, CPU, unit=" µs")


def batches(reading: Reading) -> list[Batch]:
    """Return a reading as the collector spools it."""
    return [
        Batch(database="bench", policy="", precision="ms", points=size, lines=lines)
        for lines, size in zip(reading.batches, reading.sizes, strict=True)
    ]


def _instead(body: bytes, _original: bytes) -> bytes:
    return body


def measure_memory(polls: int) -> None:
    """Print the peak memory of `tstats collect` over some polls, into a real influxd."""
    world = World.build(cdns=1, caches=CACHES, delivery_services=1, cachegroups=39, monitors=1)
    with (
        tempfile.TemporaryDirectory(prefix="tstats-bench-") as folder,
        common.running_influxd() as influx,
        Simulator(world) as simulator,
    ):
        for database in ("cache_stats", "deliveryservice_stats"):
            influx.query(f"CREATE DATABASE {database}")
        (monitor,) = world.cdns[0].monitors
        for path, body in zip(("/publish/CacheStats", "/publish/DsStats"), payloads(), strict=True):
            simulator.faults.set(monitor.name, Fault.body(partial(_instead, body)), path=path)
        config = Path(folder) / "traffic_stats.cfg"
        settings = {
            "toUrl": simulator.traffic_ops_url,
            "toUser": DEFAULT_USER,
            "influxUrls": [influx.url],
            "pollingInterval": POLLING_SECONDS,
            "publishingInterval": POLLING_SECONDS,
            "spoolDirectory": f"{folder}/spool",
        }
        config.write_text(json.dumps(settings))
        peak = run_collector(config, seconds=POLLING_SECONDS * (polls + 1))
        if not influx.query("SELECT count(value) FROM deliveryservice_stats.autogen./.*/"):
            sys.exit("bench: the collector wrote nothing")
    common.measured("peak memory while polling", peak, MEMORY, unit=" MB")


def run_collector(config: Path, *, seconds: float) -> float:
    """Run the real command for a while; return its peak memory in MB."""
    arguments = [command("tstats"), "collect", "--cfg", str(config)]
    environment = os.environ | {"TSTATS_TO_PASSWD": DEFAULT_PASSWORD}
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        peak = common.peak_memory(process.pid)
        process.terminate()
    return peak


def main() -> None:
    """Run the bench."""
    parser = common.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="polls whose CPU is measured (7)")
    parser.add_argument("--polls", type=int, default=5, help="polls whose memory is measured (5)")
    options = parser.parse_args()
    measure_cpu(options.repeats)
    measure_memory(options.polls)


if __name__ == "__main__":
    main()
