"""`tstats shard` as a user runs it, on real servers."""

import json
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.influxd import Influxd
from tests.support.points import Point, write
from tests.support.shards import backup_port
from tstats.core.time import MINUTE, SECOND
from tstats.influx.client import Influx

START = 1_700_000_000 * SECOND


def points(host: str, number: int, *, value: float = 1.0) -> list[Point]:
    return [
        Point(
            measurement="m",
            tags=(("host", host),),
            time=START + MINUTE * place,
            fields=(("f", value + place), ("n", place)),
        )
        for place in range(number)
    ]


@pytest.fixture
def left(influx: Influx, influxd: Influxd) -> str:
    """The id of a shard."""
    influx.query("CREATE DATABASE db")
    write(influx, points("a", 100) + points("b", 10), database="db", policy="autogen")
    return str(backup_port(influxd).shards("db")[0].shard_id)


@pytest.fixture
def right(other_influx: Influx, other_influxd: Influxd) -> str:
    """The id of a shard with some of the same points."""
    other_influx.query("CREATE DATABASE db")
    held = points("a", 90) + points("a", 1, value=7.0) + points("c", 5)
    write(other_influx, held, database="db", policy="autogen")
    return str(backup_port(other_influxd).shards("db")[0].shard_id)


def test_shards_are_listed(influxd: Influxd, left: str) -> None:
    ran = run("tstats", "shard", "list", influxd.backup_address, "--database", "db")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1].split() == [left, "db", "autogen"]
    ran = run("tstats", "shard", "list", influxd.backup_address, "--output", "json")
    assert json.loads(ran.stdout) == [{"id": int(left), "database": "db", "policy": "autogen"}]


def test_a_report(influxd: Influxd, left: str, tmp_path: Path) -> None:
    room = {"TMPDIR": str(tmp_path)}
    ran = run("tstats", "shard", "report", influxd.backup_address, left, environment=room)
    assert (ran.returncode, ran.stderr) == (0, "")
    heading, _, row = ran.stdout.splitlines()
    assert heading.startswith(f"shard {left} (db/autogen/{left}): 1 file, ")
    assert row.split()[:5] == ["m", "2", "2", "110", "220"]
    options = "--database", "db", "--output", "json"
    ran = run("tstats", "shard", "report", influxd.backup_address, *options, environment=room)
    (report,) = json.loads(ran.stdout)
    assert report["measurements"][0]["fields"] == {"f": "float", "n": "integer"}
    assert list(tmp_path.iterdir()) == []


def test_a_diff(influxd: Influxd, left: str, other_influxd: Influxd, right: str) -> None:
    addresses = influxd.backup_address, left, other_influxd.backup_address, right
    ran = run("tstats", "shard", "diff", *addresses, "--output", "json")
    assert (ran.returncode, ran.stderr) == (3, "")
    assert json.loads(ran.stdout)["measurements"] == [
        {
            "name": "m",
            "equalKeys": 0,
            "onlyLeftKeys": 2,
            "onlyRightKeys": 2,
            "differentKeys": 2,
            "onlyLeftValues": 40,
            "onlyRightValues": 10,
            "differentValues": 1,
            "overlappingKeys": 0,
        }
    ]
    ran = run("tstats", "shard", "diff", *addresses[:2], *addresses[:2])
    assert (ran.returncode, ran.stdout) == (0, "no difference: 4 keys in 1 measurement equal\n")


@pytest.mark.parametrize(
    ("arguments", "status", "problem"),
    [
        (["report", "localhost"], 2, "invalid backup address 'localhost'; write localhost:8088"),
        (["report", "{address}"], 2, "name shards, or all of a --database"),
        (["report", "{address}", "4711"], 1, "has no shard 4711"),
        (["report", "{http}", "1"], 1, "not the backup port"),
        (["list", "{address}", "--database", "x"], 1, "has no database 'x'"),
        (["diff", "{address}", "4711", "x", "1"], 2, "invalid backup address 'x'"),
        (["diff", "{address}", "4711", "{address}", "4711"], 1, "has no shard 4711"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    influx: Influx, influxd: Influxd, arguments: list[str], status: int, problem: str
) -> None:
    assert influx.query("SHOW DATABASES")
    named = {"address": influxd.backup_address, "http": f"127.0.0.1:{influxd.port}"}
    ran = run("tstats", "shard", *(argument.format(**named) for argument in arguments))
    assert (ran.returncode, ran.stdout) == (status, "")
    assert problem in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
