"""How a real InfluxDB responds to a publisher, and what becomes of the batch."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from tests.support.influxd import Influxd
from tests.support.waiting import wait_for
from tstats.collect.batch import Batch
from tstats.collect.feed import CacheFeed
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.publish import Publisher
from tstats.collect.spool import Spool
from tstats.core.time import HOUR, MILLISECOND
from tstats.influx.client import Endpoint, Influx
from tstats.influx.udp import UdpInflux

NOW_MS = time.time_ns() // MILLISECOND


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool", ["any"], max_bytes=1 << 30)
    yield spool
    spool.close()


@pytest.fixture
def publisher(spool: Spool, influx: Influx) -> Iterator[Callable[..., Publisher]]:
    made: list[Publisher] = []

    def make(writer: Influx | UdpInflux = influx) -> Publisher:
        log: structlog.stdlib.BoundLogger = structlog.get_logger()
        made.append(
            Publisher(spool=spool, target="any", writers=[writer], metrics=CollectorMetrics(), log=log.bind())
        )
        return made[-1]

    yield make
    for publisher in made:
        publisher.close()


MakePublisher = Callable[..., Publisher]


def put(spool: Spool, *lines: str, database: str = "points", policy: str = "") -> None:
    content = "\n".join(lines).encode()
    spool.put([Batch(database=database, policy=policy, precision="ms", points=len(lines), lines=content)])


def values(influx: Influx, measurement: str = "m", database: str = "points") -> list[float]:
    answer = influx.query(f'SELECT value FROM "{measurement}"', database=database)
    return [row["value"] for series in answer for row in series.rows()]


def reasons(spool: Spool) -> list[str]:
    return [path.read_text() for path in (spool.directory / "rejected").glob("*.reason")]


def test_a_batch_arrives_in_its_database_and_policy_with_its_precision(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE points")
    influx.query('CREATE RETENTION POLICY "daily" ON points DURATION 26h REPLICATION 1')
    put(spool, f"m value=1 {NOW_MS}", policy="daily")
    assert publisher().drain()
    (series,) = influx.query('SELECT value FROM "daily"."m"', database="points")
    assert series.rows() == [{"time": NOW_MS * 1_000_000, "value": 1}]


def test_hostile_names_come_back_from_a_server_unchanged(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    names = ["a,b", "a b", 'a"b', "a=b", "a\\b", "🚀", "a\tb", "'; DROP", "a,b=c d", "\\,x"]
    influx.query("CREATE DATABASE points")
    samples = ",".join(f'{_json(name)}: {{"m": [{{"value": "1", "time": {NOW_MS}}}]}}' for name in names)
    reading = CacheFeed("cdn1", {}).read(f'{{"caches": {{{samples}}}}}'.encode(), oldest=0, most=100)
    put(spool, *reading.batches[0].decode().split("\n"))
    assert publisher().drain()
    answer = influx.query("SELECT value FROM m GROUP BY *", database="points")
    assert sorted(series.tags["hostname"] for series in answer) == sorted(names)


def _json(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


def test_a_server_stores_every_form_of_number_as_the_same_float(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE points")
    numbers = ["5", "-0", "0.000001", "1e300", "4.9e-324", "123456789012345678901", "1.7976931348623157e308"]
    samples = ",".join(f'{{"value": "{text}", "time": {NOW_MS + at}}}' for at, text in enumerate(numbers))
    body = f'{{"caches": {{"h": {{"m": [{samples}]}}}}}}'
    reading = CacheFeed("cdn1", {}).read(body.encode(), oldest=0, most=100)
    put(spool, *reading.batches[0].decode().split("\n"))
    assert publisher().drain()
    assert reasons(spool) == []
    # The server prints a whole float as an integer, which is the same float again.
    assert [float(value) for value in values(influx)] == [float(text) for text in numbers]


def test_batches_for_a_missing_database_wait_until_it_is_created(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE other")
    put(spool, f"m value=1 {NOW_MS}")
    put(spool, f"m value=2 {NOW_MS}", database="other")
    assert not publisher().drain()
    assert values(influx, database="other") == [2]
    assert spool.depth("any") == 1
    influx.query("CREATE DATABASE points")
    assert publisher().drain()
    assert values(influx) == [1]


def test_batches_for_a_missing_policy_wait_until_it_is_created(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE points")
    put(spool, f"m value=1 {NOW_MS}", policy="daily")
    assert not publisher().drain()
    assert spool.depth("any") == 1
    influx.query('CREATE RETENTION POLICY "daily" ON points DURATION 26h REPLICATION 1 DEFAULT')
    assert publisher().drain()
    assert values(influx) == [1]


def test_a_field_of_another_type_is_set_aside_and_the_rest_is_written(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE points")
    influx.write(f"bad value=1i {NOW_MS}".encode(), database="points", precision="ms")
    put(spool, f"m value=1 {NOW_MS}", f"bad value=1.5 {NOW_MS + 1}", f"m value=2 {NOW_MS + 1}")
    put(spool, f"m value=3 {NOW_MS + 2}")
    assert publisher().drain()
    assert values(influx) == [1, 2, 3]
    (reason,) = reasons(spool)
    assert "field type conflict" in reason
    assert "dropped=1" in reason


def test_points_older_than_the_policy_keeps_are_dropped_and_the_newer_are_written(
    spool: Spool, influx: Influx, publisher: MakePublisher
) -> None:
    influx.query("CREATE DATABASE points WITH DURATION 26h")
    put(spool, f"m value=1 {NOW_MS - 100 * HOUR // MILLISECOND}", f"m value=2 {NOW_MS}")
    made = publisher()
    assert made.drain()
    assert (values(influx), reasons(spool), made.lost) == ([2], [], 1)


def test_a_body_larger_than_the_server_accepts_is_sent_in_parts(
    spool: Spool, tmp_path: Path, publisher: MakePublisher
) -> None:
    with Influxd(tmp_path / "small", settings={"INFLUXDB_HTTP_MAX_BODY_SIZE": "2000"}) as server:
        small = Influx(Endpoint(url=server.url))
        small.query("CREATE DATABASE points")
        put(spool, *(f"m,host=h{number:04d} value={number} {NOW_MS}" for number in range(300)))
        assert publisher(small).drain()
        assert sorted(values(small)) == list(range(300))


def test_a_server_that_was_down_gets_the_waiting_batches_when_it_is_back(
    spool: Spool, tmp_path: Path, publisher: MakePublisher
) -> None:
    with Influxd(tmp_path / "influxd") as server, closing(Influx(Endpoint(url=server.url))) as influx:
        influx.query("CREATE DATABASE points")
        made = publisher(influx)
        put(spool, f"m value=1 {NOW_MS}")
        assert made.drain()
        server.kill()
        put(spool, f"m value=2 {NOW_MS + 1}")
        assert not made.drain()
        server.start()
        assert made.drain()
        assert values(influx) == [1, 2]


def test_a_udp_listener_stores_the_batches(spool: Spool, tmp_path: Path, publisher: MakePublisher) -> None:
    listener = {
        "INFLUXDB_UDP_0_ENABLED": "true",
        "INFLUXDB_UDP_0_DATABASE": "points",
        "INFLUXDB_UDP_0_BATCH_TIMEOUT": "50ms",
    }
    with (
        Influxd(tmp_path / "udp", settings=listener) as server,
        closing(Influx(Endpoint(url=server.url))) as influx,
    ):
        influx.query("CREATE DATABASE points")
        put(spool, *(f"m,host=h{number:03d} value={number} {NOW_MS}" for number in range(200)))
        assert publisher(UdpInflux(f"udp://127.0.0.1:{server.udp_port}")).drain()
        wait_for(lambda: len(values(influx)) == 200, "the points sent by UDP")
        (series,) = influx.query("SELECT * FROM m WHERE host = 'h007'", database="points")
        assert series.rows() == [{"time": NOW_MS * 1_000_000, "host": "h007", "value": 7}]


def test_a_line_too_long_for_a_datagram_is_set_aside_and_blocks_nothing(
    spool: Spool, publisher: MakePublisher
) -> None:
    put(spool, f"m,host={'x' * 70_000} value=1 {NOW_MS}")
    put(spool, f"m value=1 {NOW_MS}")
    assert publisher(UdpInflux("udp://127.0.0.1:9")).drain()
    assert len(reasons(spool)) == 1
