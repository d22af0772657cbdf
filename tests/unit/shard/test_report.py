"""What a shard holds, and in what two differ, as tables."""

from pathlib import Path

from tests.support.tsm_files import Columns, tsm_file
from tstats.influx.shards.archive import ShardPath
from tstats.influx.shards.rpc import Backup, BackupFile
from tstats.influx.shards.shard import ShardKey, shard_keys
from tstats.shard import display
from tstats.shard.diff import MeasurementDiff, diff
from tstats.shard.report import MeasurementContents, survey

NAMES = "000000001-000000001.tsm", "000000002-000000001.tsm"
BACKUP = Backup(
    path=ShardPath("db", "autogen", 7), files=(BackupFile(name=NAMES[0], path=Path("x"), size=1_234),)
)
TOMBSTONE = BackupFile(name="000000001-000000001.tombstone", path=Path("y"), size=5)
DELETED = Backup(path=BACKUP.path, files=(*BACKUP.files, TOMBSTONE))
LEFT: Columns = {
    b"m,h=a#!~#f": [{1: 1.0, 2: 2.0}, {3: 3.0}],
    b"m,h=a#!~#g": [{1: 1.0}],
    b"m,h=b#!~#f": [{5: 1.0}],
    b"m-2#!~#f": [{7: 1.0}],
    b"same#!~#f": [{1: 0.5}],
}
RIGHT: Columns = {
    b"m,h=a#!~#f": [{1: 1.0, 2: 2.5, 4: 4.0}],
    b"m,h=b#!~#f": [{5: 1.0}],
    b"m,h=c#!~#f": [{5: 1.0, 6: 1.0}],
    b"same#!~#f": [{1: 0.5}],
}


def keys(*files: Columns) -> list[ShardKey]:
    return list(shard_keys([tsm_file(file, name) for file, name in zip(files, NAMES, strict=False)]))


def test_a_survey() -> None:
    contents = survey(keys(LEFT))
    sizes = {key.key: key.size for key in keys(LEFT)}
    assert contents.overlapping == 0
    assert contents.measurements[0] == MeasurementContents(
        name="m",
        series=2,
        fields={"f": "float", "g": "float"},
        points=4,
        values=5,
        size=sum(size for key, size in sizes.items() if key.startswith(b"m,")),
        first=1,
        last=5,
    )
    assert [measurement.name for measurement in contents.measurements] == ["m", "m-2", "same"]


def test_overlapping_files_are_counted() -> None:
    assert survey(keys(LEFT, {b"m-2#!~#f": [{7: 2.0}]})).overlapping == 1


def test_a_report_for_people() -> None:
    lines = list(display.contents_as_lines(7, BACKUP, survey(keys({b"m#!~#f": [{0: 1.0, 10**9: 2.0}]}))))
    assert lines == [
        "shard 7 (db/autogen/7): 1 file, 1,234 bytes",
        "measurement  series  fields  points  values  bytes                 first                  last",
        "m                 1       1       2       2     39  1970-01-01T00:00:00Z  1970-01-01T00:00:01Z",
    ]
    noted = "\n".join(display.contents_as_lines(7, DELETED, survey(keys(LEFT, LEFT))))
    assert "deleted points that its files still hold are counted" in noted
    assert "points of 5 keys may be in several files" in noted
    nothing = Backup(path=None, files=())
    assert list(display.contents_as_lines(8, nothing, survey([]))) == ["shard 8 is empty"]


def test_a_report_for_scripts() -> None:
    found = display.contents_as_json(DELETED, survey(keys({b"m#!~#f": [{0: 1.0}]})))
    assert found == {
        "id": 7,
        "database": "db",
        "policy": "autogen",
        "files": 2,
        "bytes": 1_239,
        "tombstones": True,
        "overlappingKeys": 0,
        "measurements": [
            {
                "name": "m",
                "series": 1,
                "fields": {"f": "float"},
                "points": 1,
                "values": 1,
                "bytes": found["measurements"][0]["bytes"],
                "first": "1970-01-01T00:00:00Z",
                "last": "1970-01-01T00:00:00Z",
            }
        ],
    }


def test_a_diff() -> None:
    assert diff(keys(LEFT), keys(RIGHT)) == [
        MeasurementDiff(
            name="m",
            equal=1,
            only_left=1,
            only_right=1,
            different=1,
            values_left=2,  # one of the key of its own, one of a key of both
            values_right=3,
            values_different=1,
        ),
        MeasurementDiff(name="m-2", only_left=1, values_left=1),
        MeasurementDiff(name="same", equal=1),
    ]


def test_the_same_points_in_other_blocks_are_equal() -> None:
    (found,) = diff(keys({b"m#!~#f": [{1: 1.0}, {2: 2.0}]}), keys({b"m#!~#f": [{1: 1.0, 2: 2.0}]}))
    assert found == MeasurementDiff(name="m", equal=1)


def test_a_diff_for_people() -> None:
    assert list(display.diff_as_lines(BACKUP, BACKUP, diff(keys(LEFT), keys(LEFT)))) == [
        "no difference: 5 keys in 3 measurements equal"
    ]
    assert list(display.diff_as_lines(BACKUP, BACKUP, diff(keys(LEFT), keys(RIGHT)))) == [
        "measurement  equal  only left  only right  different  values left  values right  values differ",
        "m                1          1           1          1            2             3              1",
        "m-2              0          1           0          0            1             0              0",
        "2 of 3 measurements with differences",
    ]
    noted = "\n".join(display.diff_as_lines(BACKUP, DELETED, diff(keys(LEFT, LEFT), keys(LEFT))))
    assert "tombstones: points that were deleted" in noted
    assert "queries may give other values than the files: 5 keys in overlapping files" in noted


def test_a_diff_for_scripts() -> None:
    found = display.diff_as_json(BACKUP, BACKUP, diff(keys(LEFT), keys(RIGHT)))
    assert (found["differs"], found["tombstones"]) == (True, False)
    assert found["measurements"][1] == {
        "name": "m-2",
        "equalKeys": 0,
        "onlyLeftKeys": 1,
        "onlyRightKeys": 0,
        "differentKeys": 0,
        "onlyLeftValues": 1,
        "onlyRightValues": 0,
        "differentValues": 0,
        "overlappingKeys": 0,
    }
