"""The daemon's chores: what came late is repaired, holes are found, rollups run, days are summarized."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.clock import Clock
from tests.support.commands import run
from tstats.catalog import CACHE_STATS, DAILY, DATABASES, MONTHLY
from tstats.collect.spool import Batch
from tstats.collect.telemetry import Telemetry
from tstats.config.settings import Settings
from tstats.core.secret import Secret
from tstats.daemon.upkeep import Upkeep
from tstats.influx.client import Influx
from tstats.schema.provision import catalog_schema, provision

HOUR = 3600


@pytest.fixture
def clock(now: int) -> Clock[int]:
    return Clock(now)


@pytest.fixture
def now() -> int:
    """A whole minute, an hour ago: points from then on, and of the day before, are kept by their policy."""
    return int(time.time()) // 60 * 60 - HOUR


MakeUpkeep = Callable[..., Upkeep]


@pytest.fixture
def upkeep(influx: Influx, clock: Clock[int], tmp_path: Path) -> Iterator[MakeUpkeep]:
    wanted = catalog_schema(DATABASES, replication=1)
    assert provision(influx, wanted, allow_data_loss=False, apply=True).in_sync
    made: list[Upkeep] = []

    def make(**changes: str) -> Upkeep:
        settings = Settings(
            to_url="http://127.0.0.1:9",
            influx_urls=[influx.url],
            database_url=Secret(f"sqlite:///{tmp_path / 'tstats.db'}"),
            **changes,  # type: ignore[arg-type] # the keys that hold texts
        )
        log: structlog.stdlib.BoundLogger = structlog.get_logger()
        made.append(Upkeep(settings, telemetry=Telemetry(clock), log=log, clock=clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


def write_raw(influx: Influx, second: int, kbps: float = 100.0) -> Batch:
    """One raw point of one cache."""
    line = (
        f"bandwidth,cachegroup=east,cdn=cdn1,hostname=edge-1,type=EDGE value={kbps} {second * 1000}".encode()
    )
    influx.write(line, database=CACHE_STATS, policy=DAILY, precision="ms")
    minute = second // 60 * 60_000
    return Batch(database=CACHE_STATS, policy=DAILY, precision="ms", points=1, lines=line, minutes=[minute])


def rolled_up(influx: Influx, measurement: str) -> dict[int, float]:
    """The values of a rollup by second."""
    answer = influx.query(f'SELECT value FROM {MONTHLY}."{measurement}"', database=CACHE_STATS)
    return {row["time"] // 10**9: row["value"] for series in answer for row in series.rows()}


def test_late_points_reach_their_rollups_down_the_chain(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    subject.turn()  # the full check of the start finds nothing to do
    late = now - 3 * HOUR
    subject.taken(influx.url, write_raw(influx, late + 7))
    clock.now += 61
    subject.turn()
    assert rolled_up(influx, "bandwidth.1min") == {late: 100.0}
    assert rolled_up(influx, "bandwidth.cdn.1min") == {late: 100.0}
    assert rolled_up(influx, "bandwidth.cdn.type.1min") == {late: 100.0}


def test_a_batch_for_a_server_that_is_not_ours_is_nobodys_late_data(upkeep: MakeUpkeep) -> None:
    batch = Batch(database=CACHE_STATS, policy=DAILY, precision="ms", points=1, lines=b"", minutes=[0])
    upkeep().taken("udp://127.0.0.1:8089", batch)


def test_the_hourly_check_finds_the_hole_that_nobody_told_of(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    subject.turn()
    write_raw(influx, now - 5 * HOUR)
    clock.now += HOUR - 1
    subject.turn()
    assert rolled_up(influx, "bandwidth.1min") == {}
    clock.now += 1
    subject.turn()
    assert rolled_up(influx, "bandwidth.cdn.1min") == {now - 5 * HOUR: 100.0}


def test_mode_tstats_runs_the_rollups_of_the_minute_that_ended(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep(rollup_mode="tstats")
    subject.turn()
    write_raw(influx, now + 10, 60.0)
    write_raw(influx, now + 20, 80.0)
    clock.now += 60
    subject.turn()
    assert rolled_up(influx, "bandwidth.1min") == {now: 70.0}
    assert rolled_up(influx, "bandwidth.cdn.1min") == {now: 70.0}


def test_mode_influxdb_leaves_the_newest_minute_to_the_continuous_queries(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    write_raw(influx, now + 10)
    clock.now += 60
    subject.turn()
    assert rolled_up(influx, "bandwidth.1min") == {}


def test_a_database_without_our_schema_is_named_with_what_to_run(upkeep: MakeUpkeep) -> None:
    with capture_logs() as events:
        upkeep().check_database()
    (event,) = events
    assert event["event"] == "database"
    assert "tstats db upgrade" in event["error"]


def test_a_finished_day_is_summarized(influx: Influx, upkeep: MakeUpkeep, tmp_path: Path, now: int) -> None:
    run("tstats", "db", "upgrade", "--database-url", f"sqlite:///{tmp_path / 'tstats.db'}")
    noon = now // 86_400 * 86_400 - 43_200
    line = f"bandwidth.cdn.1min,cdn=cdn1 value=2000000 {noon}".encode()
    influx.write(line, database=CACHE_STATS, policy=MONTHLY, precision="s")
    subject = upkeep()
    subject.check_database()
    subject.turn()
    answer = influx.query("SELECT value FROM daily_maxgbps GROUP BY *", database="daily_stats")
    assert [(series.tags, series.values) for series in answer] == [
        ({"cdn": "cdn1", "deliveryservice": "all"}, [[noon * 10**9, 2]])
    ]


def test_a_server_that_is_down_is_told_and_ends_nothing(clock: Clock[int], tmp_path: Path) -> None:
    settings = Settings(
        to_url="http://127.0.0.1:9",
        influx_urls=["http://127.0.0.1:9"],  # the port `discard`: nobody listens there
        database_url=Secret(f"sqlite:///{tmp_path / 'tstats.db'}"),
    )
    log: structlog.stdlib.BoundLogger = structlog.get_logger()
    subject = Upkeep(settings, telemetry=Telemetry(clock), log=log, clock=clock)
    with capture_logs() as events:
        subject.turn()
    subject.close()
    (failed,) = [event for event in events if event["event"] == "rollups_failed"]
    assert "http://127.0.0.1:9/query cannot be reached" in failed["error"]
