"""The collector's CPU a point and its memory, on one poll of a large CDN: 115,800 points.

1000 caches with 15 stats each, and 300 delivery services with 8 stats for each of 42 locations and types.
CPU is that of the
collecting process alone, from a payload in memory to the bytes in InfluxDB's socket; the servers run in
other processes. Memory is the peak of the real `tstats collect` while it polls that CDN.
"""

import argparse
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
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tests' influxd starts ours, too

import structlog  # noqa: E402 (after the path)

from tests.support.influxd import Influxd  # noqa: E402
from tstats.collect.batch import Batch  # noqa: E402
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading  # noqa: E402
from tstats.collect.metrics import CollectorMetrics  # noqa: E402
from tstats.collect.publish import Publisher  # noqa: E402
from tstats.collect.spool import Spool  # noqa: E402
from tstats.daemon.daemon import tune_memory  # noqa: E402
from tstats.influx.client import Endpoint, Influx  # noqa: E402
from tstats.simulator.faults import Fault  # noqa: E402
from tstats.simulator.server import DEFAULT_PASSWORD, DEFAULT_USER, Simulator  # noqa: E402
from tstats.simulator.world import World  # noqa: E402
from tstats.traffic_control.inventory import Cache  # noqa: E402

CACHES, CACHE_STATS = 1000, 15
SERVICES, SCOPES = 300, ["total", "type.EDGE", "type.MID", *(f"location.group-{n}" for n in range(39))]
TPS = ["tps_2xx", "tps_3xx", "tps_4xx", "tps_5xx", "tps_total"]
COUNTS = ["kbps", "status_4xx", "status_5xx"]
BATCH = 10_000
CPU_BUDGET, MEMORY_BUDGET = 2.5, 150  # µs a point; MB


def payloads() -> tuple[bytes, bytes]:
    """CacheStats and DsStats as a Traffic Monitor writes them, with values of the usual shapes."""
    chance = random.Random(1)  # noqa: S311 (data, no secret)

    def count() -> str:
        return str(chance.randrange(10**6))

    def rate() -> str:
        return f"{chance.random() * 1000:.6f}"

    now = int(time.time() * 1000)
    stats = [
        "bandwidth",
        "maxKbps",
        "speed",
        *(f"ats.proxy.process.stat_{n}" for n in range(CACHE_STATS - 3)),
    ]
    caches = {
        f"edge-{host:04}": {
            stat: [{"value": str(chance.randrange(10**6)), "time": now - chance.randrange(8000), "span": 1}]
            for stat in stats
        }
        for host in range(CACHES)
    }
    services = {
        f"service-{service:03}": {
            f"{scope}.{stat}": [{"time": now, "value": value()}]
            for scope in SCOPES
            for names, value in (
                (COUNTS, count),
                (TPS, rate),
            )
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
    """Takes every write, as an InfluxDB that costs nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def serve_sink(port: Connection) -> None:
    """Run the sink in a process of its own; tells its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    port.send(server.server_port)
    server.serve_forever()


def measure_cpu(repeats: int) -> None:
    """CPU a point of each step, the median of some polls."""
    parent, child = multiprocessing.Pipe()
    sink = multiprocessing.get_context("fork").Process(target=serve_sink, args=(child,), daemon=True)
    sink.start()
    url = f"http://127.0.0.1:{parent.recv()}"
    inventory = {f"edge-{n:04}": Cache(cachegroup=f"group-{n % 39}", type="EDGE") for n in range(CACHES)}
    feeds = (CacheFeed("cdn1", inventory), DeliveryServiceFeed("cdn1"))
    bodies = payloads()
    tune_memory()  # as the daemon does
    rounds: list[tuple[float, float, float, float]] = []
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory(prefix="tstats-bench-") as folder:
        spool = Spool(Path(folder), ["any"], max_bytes=1 << 30)
        writer = Influx(Endpoint(url=url))
        publisher = Publisher(
            spool=spool,
            target="any",
            writers=[writer],
            metrics=CollectorMetrics(),
            log=structlog.get_logger(),
        )
        for _ in range(repeats):
            begun = time.process_time()
            readings = [
                feed.read(body, oldest=0, most=BATCH) for feed, body in zip(feeds, bodies, strict=True)
            ]
            read = time.process_time()
            for reading in readings:
                spool.put(batches(reading))
            put = time.process_time()
            for name in spool.waiting("any", 1000):
                spool.read("any", name)
            spooled = time.process_time()
            publisher.drain()
            drained = time.process_time()
            points = sum(reading.points for reading in readings)
            scale = 1e6 / points
            rounds.append(
                (
                    (read - begun) * scale,
                    (put - read) * scale,
                    (spooled - put) * scale,
                    (drained - spooled) * scale,
                )
            )
        publisher.close()
        spool.close()
    sink.terminate()
    lines, put_cost, read_cost, drain = (sorted(step)[len(step) // 2] for step in zip(*rounds, strict=True))
    total = lines + put_cost + drain
    print(f"points a poll                {points}")
    print(f"payload → lines              {lines:.2f} µs a point")
    print(f"lines → spool (on disk)      {put_cost:.2f} µs a point")
    print(f"spool → socket               {drain:.2f} µs a point, of which reading the spool {read_cost:.2f}")
    print(f"CPU a point                  {total:.2f} / {CPU_BUDGET} µs")
    print(f"share of the spool           {(put_cost + read_cost) / total:.0%}")


def batches(reading: Reading) -> list[Batch]:
    """A reading as the collector spools it."""
    return [
        Batch(database="bench", policy="", precision="ms", points=size, lines=lines)
        for lines, size in zip(reading.batches, reading.sizes, strict=True)
    ]


def _instead(body: bytes, _original: bytes) -> bytes:
    return body


def measure_memory(polls: int) -> None:
    """The peak resident memory of `tstats collect` over some polls, into a real influxd."""
    cache_stats, ds_stats = payloads()
    world = World.build(cdns=1, caches=CACHES, delivery_services=1, cachegroups=39, monitors=1)
    with (
        tempfile.TemporaryDirectory(prefix="tstats-bench-") as name,
        Influxd(Path(name) / "influxd") as influxd,
    ):
        influx = Influx(Endpoint(url=influxd.url))
        for database in ("cache_stats", "deliveryservice_stats"):
            influx.query(f"CREATE DATABASE {database}")
        with Simulator(world) as simulator:
            for monitor in world.cdns[0].monitors:
                for path, body in (("/publish/CacheStats", cache_stats), ("/publish/DsStats", ds_stats)):
                    simulator.faults.set(monitor.name, Fault.body(partial(_instead, body)), path=path)
            config = Path(name) / "traffic_stats.cfg"
            config.write_text(
                json.dumps(
                    {
                        "toUrl": simulator.traffic_ops_url,
                        "toUser": DEFAULT_USER,
                        "influxUrls": [influxd.url],
                        "pollingInterval": 3,
                        "publishingInterval": 3,
                        "spoolDirectory": str(Path(name) / "spool"),
                    }
                )
            )
            peak = run_collector(config, seconds=3 * polls + 3)
        counts = influx.query("SELECT count(value) FROM deliveryservice_stats.autogen./.*/")
        influx.close()
    if not counts:
        sys.exit("bench: the collector wrote nothing")
    print(f"peak memory, polling         {peak:.0f} / {MEMORY_BUDGET} MB")


def run_collector(config: Path, *, seconds: float) -> float:
    """Run the real command for a while; its peak memory in MB."""
    command = [str(Path(sys.executable).parent / "tstats"), "collect", "--cfg", str(config)]
    environment = os.environ | {"TSTATS_TO_PASSWD": DEFAULT_PASSWORD}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        time.sleep(seconds)
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7, help="polls whose CPU is measured (default 7)")
    parser.add_argument("--polls", type=int, default=5, help="polls whose memory is measured (default 5)")
    options = parser.parse_args()
    measure_cpu(options.repeats)
    measure_memory(options.polls)


if __name__ == "__main__":
    main()
