"""The time of `tstats rollup status` as a share of that of recomputing the same rollups, over 26 hours.

There are 1.44 million raw points, one per series every ten seconds: of one measurement (154 caches), or
spread over all measurements that the catalog rolls up. In a third case the seconds are uneven, like those of
real caches. Status and recomputing take turns; the best time of each counts, since others may use the
machine.
"""

import random
import time
from collections.abc import Callable, Iterator

from scripts import bench_common as common
from tstats.catalog import CACHE_STATS, ROLLUPS
from tstats.core.time import HOUR, MINUTE, SECOND
from tstats.core.windows import Window
from tstats.influx.client import Influx
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport

BUDGET = 0.1
HOURS, STEP = 26, 10 * SECOND
SERIES = 154
SETTINGS = {
    "INFLUXDB_CONTINUOUS_QUERIES_ENABLED": "false",
    # What is read lies in files, as points of the last day do.
    "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "1s",
}


def series_of_one() -> Iterator[tuple[str, str]]:
    """Yield the database and series of the bandwidth of many caches."""
    for cache in range(SERIES):
        tags = f"cachegroup=group-{cache % 8},cdn=cdn{cache % 2},hostname=edge-{cache:03},type=EDGE"
        yield CACHE_STATS, f"bandwidth,{tags}"


def series_of_all() -> Iterator[tuple[str, str]]:
    """Yield the same number of series, spread over all raw measurements of the catalog."""
    sources = sorted(
        {(rollup.database, rollup.source) for rollup in ROLLUPS if rollup.source_policy == "daily"},
        key=lambda pair: pair[1],
    )
    for number in range(SERIES):
        database, measurement = sources[number % len(sources)]
        index = number // len(sources)
        group = "total" if index % 2 else f"group-{index}"
        names = (
            f"cachegroup=group-{index % 4},cdn=cdn{index % 2},hostname=edge-{index:03},type=EDGE"
            if database == CACHE_STATS
            else f"cachegroup={group},cdn=cdn{index % 2},deliveryservice=service-{index // 2:03}"
        )
        yield database, f"{measurement},{names}"


def fill(influx: Influx, series: list[tuple[str, str]], *, end: int, uneven: bool) -> int:
    """Write the raw points of the hours before `end`; return their number."""
    chance = random.Random(1)  # noqa: S311 (data, not secrets)
    points = 0
    for database in sorted({database for database, _ in series}):
        names = [name for other, name in series if other == database]
        for hour in range(end - HOURS * HOUR, end, HOUR):
            lines = [
                f"{name} value={chance.randrange(10**6)} {moment + (chance.randrange(STEP) if uneven else 0)}"
                for name in names
                for moment in range(hour, hour + HOUR, STEP)
            ]
            common.write_lines(influx, lines, database=database, policy="daily")
            points += len(lines)
    return points


def timed(work: Callable[[], RollupReport]) -> tuple[float, RollupReport]:
    """Return the seconds that the work took, and its report; an error ends the bench."""
    started = time.perf_counter()
    report = work()
    seconds = time.perf_counter() - started
    if report.failed:
        raise SystemExit(f"bench: {report}")
    return seconds, report


def measure(what: str, series: list[tuple[str, str]], *, rounds: int, uneven: bool) -> None:
    """Measure one case and print it."""
    with common.running_influxd(SETTINGS) as influx:
        common.make_databases(influx)
        end = time.time_ns() // MINUTE * MINUTE
        points = fill(influx, series, end=end, uneven=uneven)
        print(f"rollup: {what}, {points / 1e6:.2f} million raw points", flush=True)
        window = Window(start=end - HOURS * HOUR, end=end)
        repair = RollupRepair(influx)
        # The first minutes are beginning to expire; on a server in use they were computed in time.
        timed(lambda: RollupRepair(influx, clock=lambda: time.time_ns() - 15 * MINUTE).run(window))
        timed(lambda: repair.run(window))
        common.settle()
        computing, looking, unproven = [], [], 0
        for _ in range(rounds):
            seconds, report = timed(lambda: repair.status(window))
            looking.append(seconds)
            if any(finding.windows for finding in report.findings):
                raise SystemExit(f"bench: rollups that were just computed are not whole: {report}")
            unproven = sum(len(finding.unproven) for finding in report.findings)
            computing.append(timed(lambda: repair.run(window))[0])
    common.detail("status", f"{min(looking):.3f} s, {unproven} windows unproven")
    common.detail("recomputing", f"{min(computing):.3f} s")
    common.measured("status: share of recomputing", min(looking) / min(computing), BUDGET)


def main() -> None:
    """Measure each case."""
    parser = common.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    rounds = parser.parse_args().rounds
    single, spread = list(series_of_one()), list(series_of_all())
    measure("one measurement and its chain", single, rounds=rounds, uneven=False)
    measure("all 18 rollups", spread, rounds=rounds, uneven=False)
    measure("one measurement and its chain, uneven seconds", single, rounds=rounds, uneven=True)


if __name__ == "__main__":
    main()
