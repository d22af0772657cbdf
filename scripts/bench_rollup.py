"""The time of `tstats rollup status` as a part of that of recomputing the same rollups, over 26 hours.

The raw points are 1.44 million, one of each series every ten seconds: of one measurement (160 caches), or
spread over all that the catalog rolls up. In one more case their seconds are uneven, as those of real
caches are. Status and recomputing take turns; the best of each counts, since others may use the machine.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the tests' influxd starts ours, too

from tests.support.influxd import Influxd  # noqa: E402 (after the path)
from tstats.catalog import CACHE_STATS, DATABASES, ROLLUPS  # noqa: E402
from tstats.core.time import HOUR, MINUTE, SECOND  # noqa: E402
from tstats.core.windows import Window  # noqa: E402
from tstats.influx.client import Endpoint, Influx  # noqa: E402
from tstats.rollups.repair import RollupRepair  # noqa: E402
from tstats.rollups.report import RollupReport  # noqa: E402
from tstats.schema.provision import catalog_schema, provision  # noqa: E402

BUDGET = 0.1
HOURS, STEP = 26, 10 * SECOND
SERIES = 154
BATCH = 20_000
SETTINGS = {
    "INFLUXDB_CONTINUOUS_QUERIES_ENABLED": "false",
    # What is read lies in files, as points of the last day do.
    "INFLUXDB_DATA_CACHE_SNAPSHOT_WRITE_COLD_DURATION": "1s",
}


def series_of_one() -> Iterator[tuple[str, str]]:
    """Database and series of the bandwidth of many caches."""
    for cache in range(SERIES):
        tags = f"cachegroup=group-{cache % 8},cdn=cdn{cache % 2},hostname=edge-{cache:03},type=EDGE"
        yield CACHE_STATS, f"bandwidth,{tags}"


def series_of_all() -> Iterator[tuple[str, str]]:
    """The same number of series, over every raw measurement of the catalog."""
    sources = sorted(
        {(one.database, one.source) for one in ROLLUPS if one.source_policy == "daily"},
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
    """Write the raw points of the hours before `end`; how many."""
    chance = random.Random(1)  # noqa: S311 (data, no secret)
    points = 0
    for database in sorted({database for database, _ in series}):
        names = [name for other, name in series if other == database]
        for hour in range(end - HOURS * HOUR, end, HOUR):
            lines = [
                f"{name} value={chance.randrange(10**6)} {moment + (chance.randrange(STEP) if uneven else 0)}"
                for name in names
                for moment in range(hour, hour + HOUR, STEP)
            ]
            for first in range(0, len(lines), BATCH):
                influx.write(
                    "\n".join(lines[first : first + BATCH]).encode(), database=database, policy="daily"
                )
            points += len(lines)
    return points


def timed(work: Callable[[], RollupReport]) -> tuple[float, RollupReport]:
    """Seconds, and what came out; an error ends the bench."""
    started = time.perf_counter()
    report = work()
    seconds = time.perf_counter() - started
    if report.failed:
        raise SystemExit(f"bench: {report}")
    return seconds, report


def measure(what: str, series: list[tuple[str, str]], *, rounds: int, uneven: bool) -> None:
    """Print one line."""
    with tempfile.TemporaryDirectory() as folder, Influxd(Path(folder), settings=SETTINGS) as server:
        influx = Influx(Endpoint(url=server.url, timeout=600))
        provision(influx, catalog_schema(DATABASES, replication=1), allow_data_loss=False, apply=True)
        end = time.time_ns() // MINUTE * MINUTE
        points = fill(influx, series, end=end, uneven=uneven)
        window = Window(start=end - HOURS * HOUR, end=end)
        repair = RollupRepair(influx)
        # The first minutes begin to expire by now; on a server in use they were computed in time.
        timed(lambda: RollupRepair(influx, clock=lambda: time.time_ns() - 15 * MINUTE).run(window))
        timed(lambda: repair.run(window))
        time.sleep(3)  # the server writes its files
        computing, looking = [], []
        for _ in range(rounds):
            seconds, report = timed(lambda: repair.status(window))
            looking.append(seconds)
            if any(finding.windows for finding in report.findings):
                raise SystemExit(f"bench: rollups that were just computed are not whole: {report}")
            unproven = sum(len(finding.unproven) for finding in report.findings)
            computing.append(timed(lambda: repair.run(window))[0])
        ratio = min(looking) / min(computing)
        print(
            f"rollup  {what:<46} {points / 1e6:.2f} million raw points  status {min(looking):.3f} s"
            f"  recomputing {min(computing):.3f} s  ratio {ratio:.3f} / {BUDGET}"
            + (f"  ({unproven} windows unproven)" if unproven else "")
        )
        influx.close()


def main() -> None:
    """Measure each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    rounds = parser.parse_args().rounds
    one, every = list(series_of_one()), list(series_of_all())
    measure("one measurement and its chain", one, rounds=rounds, uneven=False)
    measure("all 18 rollups", every, rounds=rounds, uneven=False)
    measure("one measurement and its chain, uneven seconds", one, rounds=rounds, uneven=True)


if __name__ == "__main__":
    main()
