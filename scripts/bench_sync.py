"""How fast sync is, and how much memory it takes, against its budgets.

Both influxd run on this machine. Each case is measured in rounds: the pipe limit (all points are read from
the source and thrown away while as many ready-made points are written to the target), the first copy, the
sync of equal data, and the sync of data that lost 0.1 % of its points in random places and one whole hour;
then the same through the backup ports, shard by shard, also where nothing changed since the last look.
The tool runs in its own process, as a user runs it; its times go from its first request to its last.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from scripts import bench_common as common
from tests.support.influxd import Influxd
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Influx

FIRST_COPY, EQUAL, DAMAGED, MEMORY = 0.85, 0.17, 0.5, 128  # the budgets: shares, and MB
BY_SHARDS, EQUAL_BY_SHARDS, UNCHANGED, DAMAGED_BY_SHARDS = 8, 0.03, 0.005, 0.2
DATABASE, POLICY, MEASUREMENT = "cache_stats", "monthly", "bandwidth.1min"
BEGIN = 20_000 * DAY
BODY = 10_000
WRITERS = 4
READERS = (1, 2)  # numbers of readers of the pipe; the faster one is its limit
LOST = 0.001
BIG = 2_000_000  # points; a bigger case is measured once and without its pipe limit, which takes minutes
COMMAND = "from influxdb_tools.sync_ts_databases import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """So many points in so many series, one point per minute and series."""

    points: int
    series: int

    def __str__(self) -> str:
        return f"sync: {self.points:,} points, {self.series:,} series"

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the time and the line of each point, series by series."""
        values = random.Random(self.series)  # noqa: S311 (data, not secrets)
        minutes = self.points // self.series
        for number in range(self.series):
            tags = f"cachegroup=cg{number % 20},cdn=cdn{number % 3},hostname=edge-{number:05d},type=EDGE"
            for minute in range(minutes):
                moment = BEGIN + minute * MINUTE
                yield moment, f"{MEASUREMENT},{tags} value={values.random() * 1e6:.3f} {moment}"

    def bodies(self, *, damaged: bool = False) -> Iterator[bytes]:
        """Yield the points in bodies of line protocol; damaged ones lack some points and the second hour."""
        lost = random.Random(1)  # noqa: S311 (the same)
        body: list[str] = []
        for moment, line in self.lines():
            if damaged and (lost.random() < LOST or BEGIN + HOUR <= moment < BEGIN + 2 * HOUR):
                continue
            body.append(line)
            if len(body) == BODY:
                yield "\n".join(body).encode()
                body = []
        if body:
            yield "\n".join(body).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The figures of one round, in seconds and MB; the speed of a machine changes more slowly than that.

    Attributes:
        limits: the pipe limit for each number of readers; none for a big case.
    """

    limits: list[float]
    first: float
    equal: float
    damaged: float
    memory: float


def create(influx: Influx) -> None:
    """Drop the database and create it again, without points."""
    influx.query(f"DROP DATABASE {DATABASE}")
    influx.query(
        f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME {POLICY}"
    )


def fill(influx: Influx, bodies: Iterator[bytes]) -> None:
    """Write the bodies into an empty database."""
    create(influx)
    for body in bodies:
        influx.write(body, database=DATABASE, policy=POLICY)
    common.settle()


def pipe(source: Influx, target: Influx, case: Case, readers: int) -> float:
    """Return the seconds to read all points and throw them away while as many ready-made ones are written."""
    create(target)
    ready = list(case.bodies())
    minutes = case.points // case.series
    cuts = [BEGIN + minutes * part // readers * MINUTE for part in range(readers + 1)]

    def read(start: int, end: int) -> None:
        where = f"time >= {start} AND time < {end}"
        statement = f'SELECT value FROM {POLICY}."{MEASUREMENT}" WHERE {where} GROUP BY *'
        for _ in source.stream(statement, database=DATABASE):
            pass

    def write(body: bytes) -> None:
        target.write(body, database=DATABASE, policy=POLICY)

    with ThreadPoolExecutor(readers) as reading, ThreadPoolExecutor(WRITERS) as writing:
        begun = time.monotonic()
        reads = [reading.submit(read, start, end) for start, end in pairwise(cuts)]
        list(writing.map(write, ready))
        for reader in reads:
            reader.result()
        return time.monotonic() - begun


def sync(source: Influx, target: Influx, *options: str) -> tuple[dict[str, Any], float]:
    """Run the command; return its report, and its peak memory in MB."""
    urls = ["--source-url", source.url, "--target-url", target.url, "--database", DATABASE]
    arguments = [sys.executable, "-c", COMMAND, *urls, "--output", "json", *options]
    peak = 0.0
    with tempfile.TemporaryFile() as output, subprocess.Popen(arguments, stdout=output) as process:
        while process.poll() is None:
            peak = max(peak, common.peak_memory(process.pid))
            time.sleep(0.02)
        output.seek(0)
        report: dict[str, Any] = json.load(output)
    if process.returncode or not report["in_sync"]:
        reason = report["error"] or report["measurements"]
        raise SystemExit(f"bench: the sync ended with {process.returncode}: {reason}")
    return report, peak


def measure_queries(case: Case, source: Influx, target: Influx) -> Round:
    """Measure a case by queries in one round; the source has the points already."""
    limits = [pipe(source, target, case, readers) for readers in READERS] if case.points <= BIG else []
    create(target)
    first, first_peak = sync(source, target)
    if first["points_written"] != case.points:
        raise SystemExit(f"bench: {first['points_written']} of {case.points} points were written")
    common.settle()
    equal, equal_peak = sync(source, target)
    fill(target, case.bodies(damaged=True))
    damaged, damaged_peak = sync(source, target)
    common.detail("pipe limits", ", ".join(f"{limit:.2f} s" for limit in limits) or "not measured")
    common.detail("first copy", f"{first['seconds']:.2f} s, {case.points / first['seconds']:,.0f} points/s")
    common.detail("rerun when equal", f"{equal['seconds']:.2f} s")
    common.detail(
        "rerun when damaged",
        f"{damaged['seconds']:.2f} s, {damaged['points_written']:,} points written,"
        f" {damaged['points_read']:,} read",
    )
    return Round(
        limits=limits,
        first=first["seconds"],
        equal=equal["seconds"],
        damaged=damaged["seconds"],
        memory=max(first_peak, equal_peak, damaged_peak),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRound:
    """The seconds of one round through the backup ports, and the peak memory in MB."""

    first: float
    equal: float
    unchanged: float
    damaged: float
    memory: float


def measure_shards(case: Case, source: Influx, target: Influx, ports: list[str]) -> ShardRound:
    """Measure a case by whole shards in one round."""
    create(target)
    first, first_peak = sync(source, target, *ports)
    common.settle()
    equal, equal_peak = sync(source, target, *ports)
    common.settle()
    sync(source, target, *ports)
    unchanged, unchanged_peak = sync(source, target, *ports)
    if not all(shard["unchanged"] for shard in unchanged["shards"]):
        raise SystemExit("bench: an unchanged shard was copied")
    fill(target, case.bodies(damaged=True))
    damaged, damaged_peak = sync(source, target, *ports)
    uploaded = sum(shard["bytes_uploaded"] for shard in first["shards"])
    disabled = max(shard["seconds_disabled"] for shard in first["shards"])
    common.detail(
        "first copy by shards",
        f"{first['seconds']:.2f} s, {case.points / first['seconds']:,.0f} points/s,"
        f" {uploaded / case.points:.1f} bytes per point, a shard disabled for {disabled:.3f} s",
    )
    common.detail("equal and unchanged by shards", f"{equal['seconds']:.3f} s, {unchanged['seconds']:.3f} s")
    common.detail("rerun when damaged, by shards", f"{damaged['seconds']:.2f} s")
    return ShardRound(
        first=first["seconds"],
        equal=equal["seconds"],
        unchanged=unchanged["seconds"],
        damaged=damaged["seconds"],
        memory=max(first_peak, equal_peak, unchanged_peak, damaged_peak),
    )


def measure(case: Case, *, rounds: int) -> None:
    """Measure a case in rounds, and print the median of each ratio."""
    print(case, flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="tstats-bench-") as folder,
        Influxd(Path(folder) / "source") as source_server,
        Influxd(Path(folder) / "target") as target_server,
        closing(common.connected(source_server)) as source,
        closing(common.connected(target_server)) as target,
    ):
        os.environ["XDG_CACHE_HOME"] = folder
        ports = ["--source-backup", source_server.backup_address]
        ports += ["--target-backup", target_server.backup_address]
        fill(source, case.bodies())
        found = [
            (measure_queries(case, source, target), measure_shards(case, source, target, ports))
            for _ in range(rounds)
        ]
    if case.points <= BIG:
        shares = [median(row.limits[place] / row.first for row, _ in found) for place in range(len(READERS))]
        common.measured("first copy: share of the pipe limit", min(shares), FIRST_COPY, at_least=True)
        times = median(min(row.limits) / by_shards.first for row, by_shards in found)
        common.measured("first copy by shards: times the pipe limit", times, BY_SHARDS, at_least=True)
    for what, ratio, budget in (
        ("rerun when equal: share of the first copy", [row.equal / row.first for row, _ in found], EQUAL),
        ("rerun when damaged: share", [row.damaged / row.first for row, _ in found], DAMAGED),
        ("equal by shards: share", [shards.equal / row.first for row, shards in found], EQUAL_BY_SHARDS),
        ("unchanged by shards: share", [shards.unchanged / row.first for row, shards in found], UNCHANGED),
        (
            "damaged by shards: share",
            [shards.damaged / row.first for row, shards in found],
            DAMAGED_BY_SHARDS,
        ),
    ):
        common.measured(what, median(ratio), budget)
    peak = max(max(row.memory, shards.memory) for row, shards in found)
    common.measured("peak memory of the tool", peak, MEMORY, unit=" MB")


def main() -> None:
    """Measure the case that is asked for, or the cases of the budgets."""
    parser = common.parser(__doc__)
    parser.add_argument("--points", type=int, help="of one case; default 1,440,000 and 10,000,000")
    parser.add_argument("--series", type=int, help="of one case; default 100, 1,000 and 10,000")
    parser.add_argument("--quick", action="store_true", help="1,440,000 points only, each case measured once")
    options = parser.parse_args()
    sizes = [1_440_000] if options.quick else [1_440_000, 10_000_000]
    for points in [options.points] if options.points else sizes:
        for series in [options.series] if options.series else [100, 1_000, 10_000]:
            rounds = 1 if options.quick or points > BIG else 3
            measure(Case(points=points, series=series), rounds=rounds)
    if threading.active_count() > 1:
        print(f"bench: {threading.active_count() - 1} threads did not end")


if __name__ == "__main__":
    main()
