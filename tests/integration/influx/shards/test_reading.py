"""What a real influxd has written, read from its files, is what was written and what its queries answer."""

import itertools
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.influxd import Influxd
from tests.support.points import Point, as_export, export, write
from tests.support.shards import backed_up, backup_port, held, typed
from tstats.core.time import DAY, MINUTE, SECOND
from tstats.errors import RefusedError, ServerError
from tstats.influx.client import Influx
from tstats.influx.line_protocol import FieldValue
from tstats.influx.shards.address import BackupAddress
from tstats.influx.shards.compare import KeyVerdict, compare
from tstats.influx.shards.files import ShardFiles
from tstats.influx.shards.rpc import BackupPort

START = 1_700_000_000 * SECOND
FLOATS = [
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7e308,
    -1.7e308,
    1.0,
    0.1,
    1 / 3,
    1e22,
    123456789.0,
]
INTEGERS = [0, 1, -1, 2**63 - 1, -(2**63), 2**62, 2**59, -(2**59), 10**9]
STRINGS = ["", "a", "two\nlines", 'quotes " and \\', "é😀\u2028", "x" * 60_000, "\x00\x7f", " , = "]
NUMBERS = itertools.count()


@pytest.fixture
def database(influx: Influx) -> Influx:
    """A database whose points lie in few shards: one lasts 50 years."""
    influx.query('CREATE DATABASE "d b"')
    influx.query(
        'CREATE RETENTION POLICY "r p" ON "d b" DURATION INF REPLICATION 1 SHARD DURATION 2600w DEFAULT'
    )
    return influx


def agrees(server: Influxd, influx: Influx, points: list[Point], folder: Path) -> None:
    """See that files, queries and what was written are the same."""
    found = held(server, "d b", folder)
    assert typed(found) == typed(as_export(points))
    assert found == export(influx, "d b", "r p")


def points_of(values: list[FieldValue], times: list[int], *, field: str = "f", **tags: str) -> list[Point]:
    pairs = zip(times, itertools.cycle(values))
    return [
        Point(measurement="m", tags=tuple(sorted(tags.items())), time=time, fields=((field, value),))
        for time, value in pairs
    ]


def regular(number: int, step: int = MINUTE) -> list[int]:
    return [START + step * place for place in range(number)]


def irregular(number: int) -> list[int]:
    source = random.Random(number)
    return sorted({START + source.randrange(DAY) for _ in range(number)})


@pytest.mark.parametrize(
    "kind", [FLOATS, INTEGERS, STRINGS, [True, False, False]], ids=["float", "integer", "string", "boolean"]
)
def test_values_at_the_borders_in_blocks_of_all_lengths(
    database: Influx, influxd: Influxd, tmp_path: Path, kind: list[FieldValue]
) -> None:
    lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 60, 120, 240, 241, 999, 1_000, 1_001, 2_500]
    if kind is STRINGS:
        lengths = lengths[:12]
    points = [
        point
        for length in lengths
        for times in (regular(length), irregular(length))
        for point in points_of(kind, times, n=f"{length}-{times[-1] % 7}")
    ]
    write(database, points, database="d b", policy="r p")
    agrees(influxd, database, points, tmp_path / "copies")


def test_random_floats_in_more_lanes_than_a_loop_takes(
    database: Influx, influxd: Influxd, tmp_path: Path
) -> None:
    source = random.Random(7)
    points = [
        point
        for lane in range(70)
        for point in points_of([source.random() for _ in range(300)], regular(300 - lane), lane=str(lane))
    ]
    write(database, points, database="d b", policy="r p")
    agrees(influxd, database, points, tmp_path / "copies")


@pytest.mark.parametrize(
    "times",
    [
        [START],
        [START, START + 1],
        [-(10**9), -1, 0, 1],
        regular(1_000, step=1),
        regular(1_000, step=10 * SECOND),
        [START + 7**place for place in range(20)],
        [START - 30 * 365 * DAY, START, START + 7],  # too far apart to be packed, if in one shard
        [START + place * SECOND // 3 for place in range(500)],
    ],
)
def test_times(database: Influx, influxd: Influxd, tmp_path: Path, times: list[int]) -> None:
    points = [Point(measurement="m", tags=(), time=time, fields=(("f", 0.5),)) for time in times]
    write(database, points, database="d b", policy="r p")
    agrees(influxd, database, points, tmp_path / "copies")


def test_times_that_cannot_be_packed(influx: Influx, influxd: Influxd, tmp_path: Path) -> None:
    """More than 36 years between two points of a block make InfluxDB store the times raw."""
    influx.query('CREATE DATABASE "d b"')
    influx.query(
        'CREATE RETENTION POLICY "r p" ON "d b" DURATION INF REPLICATION 1 SHARD DURATION 10400w DEFAULT'
    )
    early, late = -30 * 365 * DAY, 10 * 365 * DAY
    times = [early, early + 3, late, late + 1]
    points = points_of([1, 2, 3, 4], times)
    write(influx, points, database="d b", policy="r p")
    assert len(backup_port(influxd).shards("d b")) == 1
    agrees(influxd, influx, points, tmp_path / "copies")


def test_several_files_that_overlap(database: Influx, influxd: Influxd, tmp_path: Path) -> None:
    """Each backup writes what is in memory to a file; later files replace points of earlier ones."""
    first = points_of([1.0], regular(1_500), host="a") + points_of([2.0], regular(10), host="b")
    second = points_of([3.0], [time + 30 * SECOND for time in regular(700)], host="a")
    third = points_of([4.0], regular(300), host="a") + points_of([5.0], [START + DAY], host="b")
    for number, points in enumerate((first, second, third)):
        write(database, points, database="d b", policy="r p")
        backup = backed_up(influxd, "d b", tmp_path / str(number))
        assert len(backup.files) == number + 1
    with ShardFiles(backup) as files:
        assert [key.overlaps for key in list(files.keys())] == [True, False]
    agrees(influxd, database, first + second + third, tmp_path / "copies")


def test_names_that_are_escaped(database: Influx, influxd: Influxd, tmp_path: Path) -> None:
    names = ["a b", "a,b", "a=b", "é", "a\\b", 'quo"te', "#a", "a#!~b"]
    points = [
        Point(
            measurement=f"m{measurement}",
            tags=((f"t{tag}", f"v{value}"),),
            time=START,
            fields=((f"f{field}", 1.5),),
        )
        for measurement, tag, value, field in zip(names, names[1:], names[2:], names[3:], strict=False)
    ]
    points.append(
        Point(measurement="sep", tags=(("t", "a#!~#b"),), time=START + 1, fields=(("x#!~#y", 1.5),))
    )
    write(database, points[:-1], database="d b", policy="r p")
    agrees(influxd, database, points[:-1], tmp_path / "copies")


VALUES = (
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30)
    | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30)
    | st.lists(st.booleans(), min_size=1, max_size=30)
    | st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=30)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES, st.lists(st.integers(1, 10**15), min_size=1, max_size=30, unique=True))
def test_any_values_at_any_times(
    database: Influx, influxd: Influxd, tmp_path: Path, values: list[FieldValue], times: list[int]
) -> None:
    number = next(NUMBERS)
    points = points_of(values, times, field=f"f{number}")
    write(database, points, database="d b", policy="r p")
    found = held(influxd, "d b", tmp_path / str(number))
    name = f"f{number}"
    assert {time: repr(fields[name]) for (_, _, time), fields in found.items() if name in fields} == {
        point.time: repr(point.fields[0][1]) for point in points
    }


def test_the_same_points_are_the_same_blocks_whatever_their_history(
    database: Influx, influxd: Influxd, other_influx: Influx, other_influxd: Influxd, tmp_path: Path
) -> None:
    other_influx.query('CREATE DATABASE "d b"')
    other_influx.query(
        'CREATE RETENTION POLICY "r p" ON "d b" DURATION INF REPLICATION 1 SHARD DURATION 2600w DEFAULT'
    )
    source = random.Random(3)
    points = [
        point
        for host in "abc"
        for point in points_of([source.random() for _ in range(2_500)], irregular(2_500), host=host)
    ]
    write(database, points, database="d b", policy="r p")
    source.shuffle(points)
    write(other_influx, points, database="d b", policy="r p")
    left, right = (
        backed_up(server, "d b", tmp_path / name)
        for server, name in ((influxd, "left"), (other_influxd, "right"))
    )
    with ShardFiles(left) as lefts, ShardFiles(right) as rights:
        found = list(compare(lefts.keys(), rights.keys()))
    assert [pair.verdict for pair in found] == [KeyVerdict.EQUAL] * 3


def test_what_changed_since(database: Influx, influxd: Influxd, tmp_path: Path) -> None:
    points = points_of([1.0], regular(10), host="a")
    write(database, points, database="d b", policy="r p")
    first = backed_up(influxd, "d b", tmp_path / "first")
    assert first.path
    port, shard_id = backup_port(influxd), first.path.shard_id
    since = max(int(path.stat().st_mtime_ns) for path in Path(influxd.folder).rglob("*.tsm"))
    unchanged = port.backup(shard_id, tmp_path, most_bytes=0, since=since)
    assert (unchanged.path, unchanged.files) == (None, ())
    database.query("DELETE FROM m WHERE time > 1700000300000000000", database="d b")
    changed = port.backup(shard_id, tmp_path, most_bytes=10**6, since=since)
    assert changed.tombstones
    (again := tmp_path / "again").mkdir()
    whole = port.backup(shard_id, again, most_bytes=10**6)
    assert whole.tombstones
    assert len(whole.files) == 2


def test_shards_that_are_not_there(database: Influx, influxd: Influxd, tmp_path: Path) -> None:
    port = backup_port(influxd)
    assert port.shards("d b") == []
    with pytest.raises(RefusedError, match="has no database 'nowhere'"):
        port.shards("nowhere")
    with pytest.raises(RefusedError, match="has no shard 4711; see `tstats shard list"):
        port.backup(4711, tmp_path, most_bytes=1)
    http = BackupPort(BackupAddress("127.0.0.1", influxd.port))
    with pytest.raises(ServerError, match="not the backup port"):
        http.backup(1, tmp_path, most_bytes=1)
    assert database.query("SHOW DATABASES")
