"""How fast sync is, and how much memory it takes, against its budgets.

Both influxd run on this machine. Each case is measured in rounds: the pipe limit (all points read from the
source to nowhere while as many ready-made ones are written to the target), the first copy, the sync of
equal data, and the sync of data that lost 0.1 % of its points in random places and one hour. The tool runs
as a user runs it, in a process of its own; its times are those from its first request to its last.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.influxd import Influxd
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.influx.client import Endpoint, Influx

DATABASE, POLICY, MEASUREMENT = "cache_stats", "monthly", "bandwidth.1min"
BEGIN = 20_000 * DAY
BODY = 10_000
WRITERS = 4
READERS = (1, 2)  # of the pipe; the one that is faster is its limit
LOST = 0.001
MEMORY = 128  # MB
BIG = 2_000_000  # points; a bigger case is measured once, and its pipe limit is not: it takes minutes
COMMAND = "from influxdb_tools.sync_ts_databases import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """So many points of so many series, a point a minute."""

    points: int
    series: int

    def __str__(self) -> str:
        return f"{self.points:,} points, {self.series:,} series"

    def lines(self) -> Iterator[tuple[int, str]]:
        """Time and line of each point, in series order."""
        values = random.Random(self.series)  # noqa: S311 (data, not secrets)
        minutes = self.points // self.series
        for number in range(self.series):
            tags = f"cachegroup=cg{number % 20},cdn=cdn{number % 3},hostname=edge-{number:05d},type=EDGE"
            for minute in range(minutes):
                moment = BEGIN + minute * MINUTE
                yield moment, f"{MEASUREMENT},{tags} value={values.random() * 1e6:.3f} {moment}"

    def bodies(self, *, damaged: bool = False) -> Iterator[bytes]:
        """The points in bodies of line protocol; damaged ones lack some points and the second hour."""
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


def create(influx: Influx) -> None:
    """An empty database."""
    influx.query(f"DROP DATABASE {DATABASE}")
    influx.query(
        f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME {POLICY}"
    )


def fill(influx: Influx, bodies: Iterator[bytes]) -> None:
    """Write the bodies, and let the server come to rest."""
    create(influx)
    for body in bodies:
        influx.write(body, database=DATABASE, policy=POLICY)
    time.sleep(3)


def pipe(source: Influx, target: Influx, case: Case, readers: int) -> float:
    """Seconds to read all points to nowhere while as many ready-made ones are written."""
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
        for one in reads:
            one.result()
        return time.monotonic() - begun


def tool(source: Influxd, target: Influxd, *options: str) -> tuple[dict[str, Any], float]:
    """The report of the command, and its peak memory in MB."""
    urls = ["--source-url", source.url, "--target-url", target.url, "--database", DATABASE]
    arguments = [sys.executable, "-c", COMMAND, *urls, "--output", "json", *options]
    peak = 0.0
    with tempfile.TemporaryFile() as output, subprocess.Popen(arguments, stdout=output) as process:
        while process.poll() is None:
            peak = max(peak, high_water_mark(process.pid))
            time.sleep(0.02)
        output.seek(0)
        report: dict[str, Any] = json.load(output)
    if process.returncode or not report["in_sync"]:
        raise SystemExit(
            f"the sync failed with {process.returncode}: {report['error'] or report['measurements']}"
        )
    return report, peak


def high_water_mark(process: int) -> float:
    """The most memory that a process has had so far, in MB; 0 when it has gone.

    Its own figure: that of getrusage begins with the memory of the process that started it.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    lines = (line.split() for line in status.splitlines())
    return next((int(words[1]) / 1024 for words in lines if words[0] == "VmHWM:"), 0.0)


def show(what: str, measured: float, budget: float, *, unit: str = "", at_least: bool = False) -> None:
    """One line: measured / budget."""
    held = measured >= budget if at_least else measured <= budget
    sign = "≥" if at_least else "≤"
    print(
        f"  {what:<44} {measured:8.2f}{unit} / {sign} {budget:g}{unit}  {'ok' if held else 'MISSED'}",
        flush=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The seconds of each measurement, one after the other; a machine's speed changes more slowly.

    Of the pipe limit there are several: with so many readers each.
    """

    limits: list[float]
    first: float
    equal: float
    damaged: float
    memory: float


def measured(case: Case, source: Influxd, target: Influxd, ours: Influx, theirs: Influx) -> Round:
    """Measure a case once; the source is filled."""
    limits = [pipe(ours, theirs, case, readers) for readers in READERS] if case.points <= BIG else []
    create(theirs)
    first, first_peak = tool(source, target)
    if first["points_written"] != case.points:
        raise SystemExit(f"{first['points_written']} of {case.points} points were written")
    time.sleep(3)
    equal, equal_peak = tool(source, target)
    fill(theirs, case.bodies(damaged=True))
    damaged, damaged_peak = tool(source, target)
    print(
        f"  (pipe limits {', '.join(f'{limit:.2f} s' for limit in limits) or 'not measured'};"
        f" first copy {first['seconds']:.2f} s, {case.points / first['seconds']:,.0f} points/s;"
        f" equal {equal['seconds']:.2f} s; damaged {damaged['seconds']:.2f} s,"
        f" {damaged['points_written']:,} points written, {damaged['points_read']:,} read)",
        flush=True,
    )
    return Round(
        limits=limits,
        first=first["seconds"],
        equal=equal["seconds"],
        damaged=damaged["seconds"],
        memory=max(first_peak, equal_peak, damaged_peak),
    )


def measure(case: Case, source: Influxd, target: Influxd, *, rounds: int) -> None:
    """Measure a case in rounds, and print the median of each ratio."""
    print(f"{case}", flush=True)
    ours, theirs = (Influx(Endpoint(url=one.url, timeout=300), connections=16) for one in (source, target))
    fill(ours, case.bodies())
    found = [measured(case, source, target, ours, theirs) for _ in range(rounds)]
    if case.points <= BIG:
        shares = [median(one.limits[place] / one.first for one in found) for place, _ in enumerate(READERS)]
        show("first copy: share of the pipe limit", min(shares), 0.9, at_least=True)
    show("rerun when equal: share of the first copy", median(one.equal / one.first for one in found), 0.15)
    show("rerun when damaged: share of the first copy", median(one.damaged / one.first for one in found), 0.3)
    show("peak memory of the tool", max(one.memory for one in found), MEMORY, unit=" MB")
    ours.close()
    theirs.close()


def main() -> None:
    """Measure what is asked, or the cases of the budgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, help="of one case; default 1,440,000 and 10,000,000")
    parser.add_argument("--series", type=int, help="of one case; default 100, 1,000 and 10,000")
    parser.add_argument("--quick", action="store_true", help="1,440,000 points only, each measured once")
    asked = parser.parse_args()
    points = [asked.points] if asked.points else [1_440_000] if asked.quick else [1_440_000, 10_000_000]
    rounds = 1 if asked.quick else 3
    for number in points:
        for series in [asked.series] if asked.series else [100, 1_000, 10_000]:
            with (
                tempfile.TemporaryDirectory() as folder,
                Influxd(Path(folder) / "source") as source,
                Influxd(Path(folder) / "target") as target,
            ):
                case = Case(points=number, series=series)
                measure(case, source, target, rounds=rounds if number <= BIG else 1)
    print(f"{threading.active_count()} thread left" if threading.active_count() > 1 else "done")


if __name__ == "__main__":
    main()
