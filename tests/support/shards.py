"""The shards of a real server, as their files and as what the files hold."""

from collections.abc import Iterable
from pathlib import Path

from tests.support.influxd import Influxd
from tests.support.points import Export, Key
from tstats.influx.shards.address import BackupAddress
from tstats.influx.shards.decode import decode_keys
from tstats.influx.shards.files import ShardFiles
from tstats.influx.shards.keys import parse_series, split_key
from tstats.influx.shards.rpc import Backup, BackupPort
from tstats.influx.shards.shard import ShardKey

PLENTY = 10**9


def backup_port(server: Influxd) -> BackupPort:
    return BackupPort(BackupAddress.parse(server.backup_address))


def backed_up(server: Influxd, database: str, folder: Path) -> Backup:
    """Copy the only shard of a database."""
    (path,) = backup_port(server).shards(database)
    folder.mkdir()
    return backup_port(server).backup(path.shard_id, folder, most_bytes=PLENTY)


def held(server: Influxd, database: str, folder: Path) -> Export:
    """Return every point that the files of a database hold."""
    found: Export = {}
    for path in backup_port(server).shards(database):
        into = folder / str(path.shard_id)
        into.mkdir(parents=True)
        with ShardFiles(backup_port(server).backup(path.shard_id, into, most_bytes=PLENTY)) as files:
            add_points(found, files.keys())
    return found


def add_points(found: Export, keys: Iterable[ShardKey]) -> None:
    """Add the points of some keys."""
    chosen = list(keys)
    for key, (times, values, _) in zip(chosen, decode_keys(chosen), strict=True):
        series, field = split_key(key.key)
        measurement, tags = parse_series(series)
        for time, value in zip(times.tolist(), values.tolist(), strict=True):
            found.setdefault((measurement, tuple(sorted(tags.items())), time), {})[field] = value


def typed(export: Export) -> dict[Key, dict[str, str]]:
    """Return values as texts that tell 1 from 1.0 and True, and 0.0 from -0.0."""
    return {key: {name: repr(value) for name, value in fields.items()} for key, fields in export.items()}
