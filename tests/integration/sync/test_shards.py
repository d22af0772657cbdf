"""Sync by whole shards: on real servers, equal in the end by an export that asks in another way."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.influxd import Influxd
from tests.support.points import Point, as_export, export, healed, write
from tests.support.syncing import NoProgress
from tests.support.tcp_proxy import Change, TcpProxy
from tstats.core.time import DAY, HOUR, MINUTE
from tstats.core.windows import ALL_TIME
from tstats.influx.client import Endpoint, Influx
from tstats.influx.shards.address import BackupAddress
from tstats.sync.merge import Policy
from tstats.sync.options import SyncOptions
from tstats.sync.report import SyncReport
from tstats.sync.run import CONNECTIONS, sync
from tstats.sync.shards.access import BlockAccess
from tstats.sync.shards.unchanged import UnchangedShards

DATABASE, POLICY = "cache_stats", "monthly"
T = 20_000 * DAY


class Site:
    """A server with an empty database."""

    def __init__(self, server: Influxd) -> None:
        self.server = server
        self.influx = Influx(Endpoint(url=server.url), connections=2 * CONNECTIONS)

    def hold(self, points: list[Point]) -> None:
        self.influx.query(f"DROP DATABASE {DATABASE}")
        self.influx.query(
            f"CREATE DATABASE {DATABASE} WITH DURATION INF REPLICATION 1 SHARD DURATION 1d NAME {POLICY}"
        )
        write(self.influx, points, database=DATABASE, policy=POLICY)

    def held(self) -> Any:  # noqa: ANN401 (an export)
        return export(self.influx, DATABASE, POLICY)

    @property
    def address(self) -> BackupAddress:
        return BackupAddress.parse(self.server.backup_address)


@pytest.fixture
def source(influxd: Influxd) -> Iterator[Site]:
    site = Site(influxd)
    with closing(site.influx):
        site.influx.query(f"DROP DATABASE {DATABASE}")
        yield site


@pytest.fixture
def target(other_influxd: Influxd) -> Iterator[Site]:
    site = Site(other_influxd)
    with closing(site.influx):
        site.influx.query(f"DROP DATABASE {DATABASE}")
        yield site


def run(
    source: Site,
    target: Site,
    cache: Path,
    *,
    source_port: str | None = None,
    target_port: str | None = None,
    **asked: Any,  # noqa: ANN401 (of SyncOptions)
) -> SyncReport:
    options = SyncOptions(
        databases=(DATABASE,), now=time.time_ns(), window=ALL_TIME, **{"via": "shards", **asked}
    )
    ports = [
        BackupAddress.parse(port or site.server.backup_address)
        for site, port in ((source, source_port), (target, target_port))
    ]
    blocks = BlockAccess.build(*ports, sites="a b", rate=None)
    blocks = replace(blocks, unchanged=UnchangedShards(cache, "a b"))
    return sync(options, source.influx, target.influx, schema=True, progress=NoProgress(), blocks=blocks)


def minutes(hosts: int, number: int, *, start: int = T, measurement: str = "bandwidth.1min") -> list[Point]:
    return [
        Point(
            measurement=measurement,
            tags=(("cachegroup", f"cg{host % 3}"), ("hostname", f"edge-{host:03d}")),
            time=start + minute * MINUTE,
            fields=(("value", float(host * 10_000 + minute) / 7),),
        )
        for host in range(hosts)
        for minute in range(number)
    ]


def all_ways(report: SyncReport) -> tuple[Any, ...]:
    assert (report.error, [row.error for row in report.measurements if row.error]) == (None, [])
    return tuple((shard.by_blocks, shard.reason) for shard in report.shards)


def test_a_first_copy_goes_over_as_blocks(source: Site, target: Site, tmp_path: Path) -> None:
    points = [*minutes(20, 300), *minutes(5, 100, start=T + DAY), *minutes(3, 50, measurement="maxkbps.1min")]
    source.hold(points)
    report = run(source, target, tmp_path / "cache")
    assert all_ways(report) == ((True, None), (True, None))
    assert report.in_sync
    assert report.verified
    assert target.held() == source.held() == as_export(points)
    totals = report.totals()
    assert totals.points_written == totals.points_missing == len(points)
    assert sum(shard.points_uploaded for shard in report.shards) == len(points)


def test_what_is_equal_is_known_without_reading_and_then_without_copying(
    source: Site, target: Site, tmp_path: Path
) -> None:
    points = minutes(20, 300)
    source.hold(points)
    target.hold(random.Random(1).sample(points, len(points)))
    first = run(source, target, tmp_path / "cache")
    assert [(shard.equal, shard.unchanged) for shard in first.shards] == [(True, False)]
    assert first.totals().points_read == 0
    time.sleep(2.5)  # the times of files are compared with whole seconds of the server's clock
    again = run(source, target, tmp_path / "cache")
    if not again.shards[0].unchanged:  # the first backup had made new files in the same second
        time.sleep(2.5)
        again = run(source, target, tmp_path / "cache")
    assert [(shard.equal, shard.unchanged) for shard in again.shards] == [(True, True)]
    write(source.influx, [replace(points[0], fields=(("value", 1e9),))], database=DATABASE, policy=POLICY)
    changed = run(source, target, tmp_path / "cache")
    assert [shard.unchanged for shard in changed.shards] == [False]
    assert changed.totals().points_written == 1
    assert target.held() == source.held()


@pytest.mark.parametrize(
    ("policy", "both_ways"),
    [
        (Policy.MAX, False),
        (Policy.MAX, True),
        (Policy.MISSING, False),
        (Policy.MISSING, True),
        (Policy.SOURCE, False),
    ],
)
def test_damage_of_every_kind_is_healed(
    source: Site,
    target: Site,
    tmp_path: Path,
    policy: Policy,
    both_ways: bool,  # noqa: FBT001 (pytest)
) -> None:
    dice = random.Random(7)
    whole = minutes(40, 200)
    ours = [point for point in whole if dice.random() > 0.02 and point.tags[1][1] != "edge-003"]
    theirs = [
        replace(point, fields=(("value", point.fields[0][1] * dice.choice([1, 1, 1, 0.5, 2])),))  # type: ignore[operator]
        for point in whole
        if dice.random() > 0.02 and point.tags[1][1] != "edge-005" and not HOUR <= point.time - T < 2 * HOUR
    ]
    source.hold(ours)
    target.hold(theirs)
    before_source, before_target = source.held(), target.held()
    checked = run(source, target, tmp_path / "cache", policy=policy, both_ways=both_ways, apply=False)
    assert not checked.in_sync
    assert (source.held(), target.held()) == (before_source, before_target)
    report = run(source, target, tmp_path / "cache", policy=policy, both_ways=both_ways)
    ((by_blocks, reason),) = all_ways(report)
    assert by_blocks
    # Where values were replaced, InfluxDB may answer with either: only its own answers count then.
    assert reason in (None, "bandwidth.1min: its files hold several values for one time")
    assert reason is None or policy is not Policy.MISSING
    assert report.in_sync
    assert report.verified
    assert target.held() == healed(before_source, before_target, policy=policy)
    assert source.held() == (
        healed(before_target, before_source, policy=policy) if both_ways else before_source
    )
    again = run(source, target, tmp_path / "cache", policy=policy, both_ways=both_ways)
    assert again.in_sync
    assert again.totals().points_written == 0


def test_all_types_and_hostile_names_go_over(source: Site, target: Site, tmp_path: Path) -> None:
    points = [
        Point(
            measurement='m, ="x ä',
            tags=(("t, =x", "a,b=c"),),
            time=T + number,
            fields=(
                ("value", float(number)),
                ("hits", 2**63 - 1 - number),
                ("up", number % 2 == 0),
                ("note", f'q"u\\o {number}\nä'),
            ),
        )
        for number in range(1_500)
    ]
    source.hold(points)
    report = run(source, target, tmp_path / "cache")
    assert all_ways(report) == ((True, None),)
    assert target.held() == source.held() == as_export(points)
    with_less = [replace(point, fields=point.fields[:2]) for point in points[::2]]
    target.hold(with_less)
    assert run(source, target, tmp_path / "cache").in_sync
    assert target.held() == as_export(points)


def test_shards_that_may_still_change_and_parts_of_shards_go_by_queries(
    source: Site, target: Site, tmp_path: Path
) -> None:
    today = time.time_ns() // DAY * DAY
    points = [*minutes(3, 60), *minutes(3, 5, start=today)]
    source.hold(points)
    report = run(source, target, tmp_path / "cache")
    assert all_ways(report) == ((True, None), (False, "it ended less than 4 hours ago"))
    assert target.held() == as_export(points)
    filtered = run(source, target, tmp_path / "cache", measurements=("bandwidth*",))
    assert {shard.reason for shard in filtered.shards} == {"only some measurements are asked for"}


def test_a_shard_from_which_points_were_deleted_goes_by_queries(
    source: Site, target: Site, tmp_path: Path
) -> None:
    source.hold(minutes(10, 100))
    run(source, target, tmp_path / "cache")
    source.influx.query("DELETE FROM \"bandwidth.1min\" WHERE hostname = 'edge-004'", database=DATABASE)
    target.hold([])
    report = run(source, target, tmp_path / "cache")
    assert all_ways(report) == ((False, "points have been deleted from it"),)
    assert target.held() == source.held()


def test_another_type_in_the_target_is_never_uploaded(source: Site, target: Site, tmp_path: Path) -> None:
    source.hold(minutes(3, 10))
    target.hold([Point(tags=(("hostname", "x"),), time=T, fields=(("value", 7),))])
    report = run(source, target, tmp_path / "cache")
    (shard,) = report.shards
    assert shard.points_uploaded == 0
    assert "type" in (shard.reason or "")
    assert report.failed
    assert "field type conflict" in str(report.measurements[0].error)
    assert len(target.held()) == 1


def test_the_port_of_another_server_is_refused(source: Site, target: Site) -> None:
    source.hold(minutes(1, 1))
    target.hold([])
    blocks = BlockAccess.build(target.address, source.address, sites="", rate=None)
    options = SyncOptions(databases=(DATABASE,), now=time.time_ns(), window=ALL_TIME, via="shards")
    source.influx.query(f"CREATE RETENTION POLICY other ON {DATABASE} DURATION INF REPLICATION 1")
    write(source.influx, minutes(1, 1), database=DATABASE, policy="other")
    report = sync(options, source.influx, target.influx, schema=False, progress=NoProgress(), blocks=blocks)
    assert "is not the backup port of" in str(report.error)


# --- ports and servers that fail


def of_backup(change: Change) -> Change:
    """Leave the short answers alone, which list shards; change what is a copy of a shard."""
    return lambda piece, before: change(piece, before) if before or len(piece) > 8_000 else piece


@pytest.mark.parametrize(
    "change",
    [
        lambda piece, before: None if before > 20_000 else piece,
        lambda piece, before: bytes(len(piece)) if before > 20_000 else piece,
        lambda piece, before: piece[:-5] + b"?????" if 0 < before < 60_000 else piece,
    ],
    ids=["cut off", "zeros", "flipped bytes"],
)
def test_a_copy_that_is_damaged_is_never_taken_for_the_shard(
    source: Site, target: Site, tmp_path: Path, change: Change
) -> None:
    points = minutes(60, 400)
    source.hold(points)
    target.hold([])
    host, port = source.server.backup_address.split(":")
    with TcpProxy(host, int(port), to_client=of_backup(change)) as proxy:
        report = run(source, target, tmp_path / "cache", source_port=proxy.address)
    ((by_blocks, reason),) = all_ways(report)
    assert not by_blocks
    assert reason
    assert report.in_sync
    assert target.held() == source.held() == as_export(points)


def test_an_upload_that_is_cut_off_is_read_back_and_made_again(
    source: Site, target: Site, tmp_path: Path
) -> None:
    points = minutes(60, 400)
    source.hold(points)
    target.hold([])
    host, port = target.server.backup_address.split(":")
    cuts = iter([None])

    def cut_once(piece: bytes, before: int) -> bytes | None:
        return next(cuts, piece) if before > 20_000 else piece

    with TcpProxy(host, int(port), to_server=cut_once) as proxy:
        report = run(source, target, tmp_path / "cache", target_port=proxy.address)
    assert next(cuts, "used") == "used"
    assert all_ways(report) == ((True, None),)
    assert report.verified
    assert target.held() == as_export(points)


def test_a_server_that_is_killed_during_an_upload_loses_nothing(
    source: Site, target: Site, tmp_path: Path
) -> None:
    points = minutes(60, 400)
    source.hold(points)
    target.hold(minutes(5, 400))
    host, port = target.server.backup_address.split(":")
    kills, restarted = iter([target.server]), threading.Event()

    def kill_once(piece: bytes, before: int) -> bytes | None:
        server = next(kills, None) if before > 20_000 else None
        if server is not None:
            server.kill()
            server.start()
            restarted.set()
            return None
        return piece

    with TcpProxy(host, int(port), to_server=kill_once) as proxy:
        report = run(source, target, tmp_path / "cache", target_port=proxy.address)
    assert restarted.wait(30)
    assert target.held().items() >= as_export(minutes(5, 400)).items()
    if report.in_sync:
        assert target.held() == as_export(points)
    else:
        assert report.failed


def test_two_syncs_at_once_end_equal(source: Site, target: Site, tmp_path: Path) -> None:
    points = [*minutes(40, 400), *minutes(40, 400, start=T + DAY)]
    source.hold(points)
    target.hold(minutes(10, 100))
    with ThreadPoolExecutor(2) as both:
        reports = list(both.map(lambda number: run(source, target, tmp_path / str(number)), range(2)))
    assert [report.in_sync for report in reports] == [True, True]
    assert target.held() == as_export(points)


def test_a_shard_that_is_written_to_meanwhile_keeps_every_point(
    source: Site, target: Site, tmp_path: Path
) -> None:
    points = minutes(60, 400)
    source.hold(points)
    target.hold([])
    late = [replace(point, tags=(("hostname", "late"),)) for point in minutes(1, 400)]
    done = threading.Event()

    def write_late() -> None:
        for point in late:
            write(target.influx, [point], database=DATABASE, policy=POLICY)
        done.set()

    writer = threading.Thread(target=write_late)
    writer.start()
    while not done.is_set():
        run(source, target, tmp_path / "cache")
    writer.join()
    report = run(source, target, tmp_path / "cache")
    assert report.in_sync
    assert target.held() == as_export([*points, *late])
