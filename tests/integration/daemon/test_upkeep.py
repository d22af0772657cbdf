"""The daemon's upkeep: late data and gaps are repaired, rollups run, days are summarized."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from tests.support.clock import Clock
from tests.support.commands import run
from tstats.catalog import CACHE_STATS, DAILY, DATABASES, MONTHLY
from tstats.collect.batch import Batch
from tstats.collect.metrics import CollectorMetrics
from tstats.core.secret import Secret
from tstats.core.time import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from tstats.daemon.upkeep import RollupServer, Upkeep
from tstats.db.database import Database
from tstats.influx.client import Endpoint, Influx
from tstats.rollups.late import LateWindows
from tstats.rollups.repair import RollupRepair
from tstats.schema.provision import catalog_schema, provision
from tstats.summaries.rows import SummaryRows
from tstats.summaries.summarizer import Summarizer


@pytest.fixture
def clock(now: int) -> Clock[int]:
    return Clock(now)


@pytest.fixture
def now() -> int:
    """A whole minute, an hour ago: its points and those of the previous day are within their policy."""
    return time.time_ns() // MINUTE * MINUTE - HOUR


def build(influx: Influx, clock: Clock[int], database: Path, *, run_rollups: bool = False) -> Upkeep:
    log: structlog.stdlib.BoundLogger = structlog.get_logger()

    server = RollupServer(
        influx=influx, repair=RollupRepair(influx, clock=clock), late=LateWindows(clock=clock)
    )
    return Upkeep(
        [server],
        summarizer=Summarizer(
            influxes=[influx], rows=SummaryRows(Database(Secret(f"sqlite:///{database}"))), log=log
        ),
        summary_interval=60,
        run_rollups=run_rollups,
        metrics=CollectorMetrics(clock),
        log=log,
        clock=clock,
    )


MakeUpkeep = Callable[..., Upkeep]


@pytest.fixture
def upkeep(influx: Influx, clock: Clock[int], tmp_path: Path) -> Iterator[MakeUpkeep]:
    wanted = catalog_schema(DATABASES, replication=1)
    assert provision(influx, wanted, allow_data_loss=False, apply=True).in_sync
    made: list[Upkeep] = []

    def make(*, run_rollups: bool = False) -> Upkeep:
        connection = Influx(Endpoint(url=influx.url))
        made.append(build(connection, clock, tmp_path / "tstats.db", run_rollups=run_rollups))
        return made[-1]

    yield make
    for upkeep in made:
        upkeep.close()


def write_raw(influx: Influx, time: int, kbps: float = 100.0) -> Batch:
    """Write a raw point of a cache and return its batch."""
    tags = "cachegroup=east,cdn=cdn1,hostname=edge-1,type=EDGE"
    line = f"bandwidth,{tags} value={kbps} {time // MILLISECOND}".encode()
    influx.write(line, database=CACHE_STATS, policy=DAILY, precision="ms")
    minute = time // MINUTE * MINUTE // MILLISECOND
    return Batch(database=CACHE_STATS, policy=DAILY, precision="ms", points=1, lines=line, minutes=[minute])


def rolled_up(influx: Influx, measurement: str) -> dict[int, float]:
    """Return the values of a rollup by time."""
    answer = influx.query(f'SELECT value FROM {MONTHLY}."{measurement}"', database=CACHE_STATS)
    return {row["time"]: row["value"] for series in answer for row in series.rows()}


def test_late_points_reach_their_rollups_down_the_chain(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    subject.run_due()  # the full check at the start finds nothing to do
    late = now - 3 * HOUR
    subject.note_delivered(influx.url, write_raw(influx, late + 7 * SECOND))
    clock.now += 61 * SECOND
    subject.run_due()
    assert rolled_up(influx, "bandwidth.1min") == {late: 100.0}
    assert rolled_up(influx, "bandwidth.cdn.1min") == {late: 100.0}
    assert rolled_up(influx, "bandwidth.cdn.type.1min") == {late: 100.0}


def test_a_batch_for_a_server_without_rollups_is_ignored(upkeep: MakeUpkeep) -> None:
    batch = Batch(database=CACHE_STATS, policy=DAILY, precision="ms", points=1, lines=b"", minutes=[0])
    upkeep().note_delivered("udp://127.0.0.1:8089", batch)


def test_the_hourly_check_finds_a_gap_that_was_not_reported(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    subject.run_due()
    write_raw(influx, now - 5 * HOUR)
    clock.now += HOUR - SECOND
    subject.run_due()
    assert rolled_up(influx, "bandwidth.1min") == {}
    clock.now += SECOND
    subject.run_due()
    assert rolled_up(influx, "bandwidth.cdn.1min") == {now - 5 * HOUR: 100.0}


def test_in_mode_tstats_the_rollups_of_the_minute_that_ended_are_computed(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep(run_rollups=True)
    subject.run_due()
    write_raw(influx, now + 10 * SECOND, 60.0)
    write_raw(influx, now + 20 * SECOND, 80.0)
    clock.now += MINUTE
    subject.run_due()
    assert rolled_up(influx, "bandwidth.1min") == {now: 70.0}
    assert rolled_up(influx, "bandwidth.cdn.1min") == {now: 70.0}


def test_in_mode_influxdb_the_newest_minute_is_left_to_the_continuous_queries(
    influx: Influx, upkeep: MakeUpkeep, clock: Clock[int], now: int
) -> None:
    subject = upkeep()
    write_raw(influx, now + 10 * SECOND)
    clock.now += MINUTE
    subject.run_due()
    assert rolled_up(influx, "bandwidth.1min") == {}


def test_a_database_without_the_schema_is_logged_with_what_to_run(upkeep: MakeUpkeep) -> None:
    with capture_logs() as events:
        upkeep().check_database()
    (event,) = events
    assert event["event"] == "database"
    assert "tstats db upgrade" in event["error"]


def test_a_finished_day_is_summarized(influx: Influx, upkeep: MakeUpkeep, tmp_path: Path, now: int) -> None:
    run("tstats", "db", "upgrade", "--database-url", f"sqlite:///{tmp_path / 'tstats.db'}")
    noon = now // DAY * DAY - DAY // 2
    line = f"bandwidth.cdn.1min,cdn=cdn1 value=2000000 {noon}".encode()
    influx.write(line, database=CACHE_STATS, policy=MONTHLY, precision="ns")
    subject = upkeep()
    subject.check_database()
    subject.run_due()
    answer = influx.query("SELECT value FROM daily_maxgbps GROUP BY *", database="daily_stats")
    assert [(series.tags, series.values) for series in answer] == [
        ({"cdn": "cdn1", "deliveryservice": "all"}, [[noon, 2]])
    ]


def test_a_server_that_is_down_is_logged_and_stops_nothing(clock: Clock[int], tmp_path: Path) -> None:
    nobody = Influx(Endpoint(url="http://127.0.0.1:9"))  # the port `discard`: nobody listens there
    subject = build(nobody, clock, tmp_path / "tstats.db")
    with capture_logs() as events:
        subject.run_due()
    subject.close()
    (failed,) = [event for event in events if event["event"] == "rollups_failed"]
    assert "http://127.0.0.1:9/query cannot be reached" in failed["error"]
