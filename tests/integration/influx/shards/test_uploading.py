"""TSM files that are made from chosen blocks, given to a running influxd."""

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.influxd import Influxd
from tests.support.points import Point, as_export, export, write
from tests.support.shards import backed_up, backup_port
from tests.support.waiting import wait_for
from tstats.core.time import MINUTE, SECOND
from tstats.errors import BrokenStreamError
from tstats.influx.client import Influx
from tstats.influx.shards.archive import next_name
from tstats.influx.shards.compare import KeyVerdict, compare
from tstats.influx.shards.files import ShardFiles
from tstats.influx.shards.keys import parse_series, split_key
from tstats.influx.shards.rpc import Backup, BackupFile, BackupPort
from tstats.influx.shards.writer import TsmWriter

START = 1_700_000_000 * SECOND


@pytest.fixture
def source(influx: Influx) -> Influx:
    influx.query("CREATE DATABASE db")
    return influx


@pytest.fixture
def target(other_influx: Influx) -> Influx:
    other_influx.query("CREATE DATABASE db")
    return other_influx


def series(host: str, number: int = 2_500) -> list[Point]:
    source = random.Random(host)
    return [
        Point(
            measurement="m 1",
            tags=(("host", host),),
            time=START + MINUTE * place,
            fields=(
                ("f", source.random()),
                ("i", source.randrange(100)),
                ("s", host * 3),
                ("b", place % 7 == 0),
            ),
        )
        for place in range(number)
    ]


def made(left: Backup, right: Backup, path: Path) -> BackupFile:
    """Make a file of the keys that the right shard lacks."""
    with ExitStack() as stack:
        lefts, rights = (stack.enter_context(ShardFiles(backup)) for backup in (left, right))
        file = stack.enter_context(path.open("wb"))
        writer = TsmWriter(file)
        for pair in compare(lefts.keys(), rights.keys()):
            if pair.verdict is KeyVerdict.ONLY_LEFT and (key := pair.left):
                writer.add(key.key, key.kind, [(located.block, located.bytes) for located in key.blocks])
        writer.finish()
    return BackupFile(name=next_name(file.name for file in right.files), path=path, size=path.stat().st_size)


def test_series_that_the_target_lacks(
    source: Influx, influxd: Influxd, target: Influx, other_influxd: Influxd, tmp_path: Path
) -> None:
    """Its own points stay, the new ones are there, and every block is equal to the source's."""
    points = series("a") + series("b") + series("c d")
    write(source, points, database="db", policy="autogen")
    own = series("b")  # as it is at the source; its presence also seeds the measurement and its fields
    write(target, own, database="db", policy="autogen")
    left = backed_up(influxd, "db", tmp_path / "left")
    right = backed_up(other_influxd, "db", tmp_path / "right")
    assert right.path
    file = made(left, right, tmp_path / "made.tsm")
    assert file.name > max(held.name for held in right.files)
    assert backup_port(other_influxd).update(right.path, [file])
    wait_for(lambda: export(target, "db", "autogen") == as_export(points), "the points of the source")
    again = backed_up(other_influxd, "db", tmp_path / "again")
    with ShardFiles(left) as lefts, ShardFiles(again) as rights:
        found = list(compare(lefts.keys(), rights.keys()))
    assert {pair.verdict for pair in found} == {KeyVerdict.EQUAL}
    assert {parse_series(split_key(pair.key)[0]).tags["host"] for pair in found} == {"a", "b", "c d"}
    other_influxd.kill()
    other_influxd.start()
    assert export(target, "db", "autogen") == as_export(points)


def test_an_upload_that_breaks_off_leaves_the_target_as_it_was(
    source: Influx, influxd: Influxd, target: Influx, other_influxd: Influxd, tmp_path: Path
) -> None:
    write(source, series("a") + series("b"), database="db", policy="autogen")
    write(target, series("b"), database="db", policy="autogen")
    left = backed_up(influxd, "db", tmp_path / "left")
    right = backed_up(other_influxd, "db", tmp_path / "right")
    file = made(left, right, tmp_path / "made.tsm")
    assert right.path

    class StoppedError(Exception):
        """Ends the upload."""

    def stop(_size: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        BackupPort(backup_port(other_influxd).address, throttle=stop).update(right.path, [file])
    wait_for(lambda: export(target, "db", "autogen") == as_export(series("b")), "the target's own points")
    assert backup_port(other_influxd).update(right.path, [file])
    wait_for(lambda: len(export(target, "db", "autogen")) == 5_000, "the points of both series")


def test_an_upload_to_a_shard_that_is_not_there(influxd: Influxd, source: Influx, tmp_path: Path) -> None:
    """Nobody says so: all that can be seen is that the connection is closed."""
    write(source, series("a"), database="db", policy="autogen")
    left = backed_up(influxd, "db", tmp_path / "left")
    (file,) = left.files
    assert left.path
    try:
        backup_port(influxd).update(left.path._replace(shard_id=4711), [file])
    except BrokenStreamError as error:
        assert "took only" in str(error)  # noqa: PT017 (both are right: it depends on how soon it closes)
    assert export(source, "db", "autogen") == as_export(series("a"))
