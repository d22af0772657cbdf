"""Copies of the shards of both sides, in a temporary folder for as long as they are compared."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tstats.errors import ServerError, TstatsError
from tstats.influx.shards.files import ShardFiles
from tstats.influx.shards.rpc import Backup, BackupPort
from tstats.sync.scheduler import Pool
from tstats.sync.shards.access import Ports
from tstats.sync.shards.pairs import ShardPair
from tstats.sync.shards.unchanged import Times

# What is left free on the disk of the temporary folder.
_RESERVE = 256 << 20
_NOTHING = Backup(path=None, files=())


class UnsuitedError(TstatsError):
    """A pair of shards cannot be synced by its blocks; the text says why."""


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder that is deleted at the end.

    Raises:
        UnsuitedError: it cannot be created.
    """
    try:
        folder = TemporaryDirectory(prefix="tstats-shards-")
    except OSError as error:
        raise UnsuitedError(f"no temporary folder can be created: {error}; set TMPDIR") from error
    with folder as path:
        yield Path(path)


def back_up_both(
    requests: Pool, ports: Ports, source: int | None, target: int | None, folder: Path
) -> tuple[Backup, Backup]:
    """Copy a shard of each side at the same time; no files for a side that has none.

    Raises:
        UnsuitedError: points were deleted from one of them, or there is not enough room.
        TstatsError: a copy failed.
    """
    most = room(folder) // 2
    sides = ((ports.source, source, folder / "source"), (ports.target, target, folder / "target"))
    futures = [
        requests.submit(back_up, port, number, into, most) if number is not None else None
        for port, number, into in sides
    ]
    copies = tuple(future.result() if future is not None else _NOTHING for future in futures)
    if any(copy.tombstones for copy in copies):
        raise UnsuitedError("points have been deleted from it")
    return copies[0], copies[1]


def room(folder: Path) -> int:
    """Return how many bytes a folder may take.

    Raises:
        UnsuitedError: there are none left.
    """
    free = shutil.disk_usage(folder).free - _RESERVE
    if free <= 0:
        raise UnsuitedError(f"there is not enough room in {folder.parent}; set TMPDIR")
    return free


def back_up(port: BackupPort, number: int, into: Path, most_bytes: int, since: int | None = None) -> Backup:
    """Copy a shard into a new folder."""
    into.mkdir()
    return port.backup(number, into, most_bytes=most_bytes, since=since)


def is_unchanged(ports: Ports, pair: ShardPair, since: Times | None) -> bool:
    """Tell whether neither shard of a pair has changed since both were equal.

    Raises:
        TstatsError: a port failed.
    """
    if since is None or pair.source is None or pair.target is None:
        return False
    with temporary_folder() as folder:
        return not (
            _has_changed(ports.source, pair.source, folder / "source", since.source)
            or _has_changed(ports.target, pair.target, folder / "target", since.target)
        )


def _has_changed(port: BackupPort, number: int, into: Path, since: int) -> bool:
    try:
        return bool(back_up(port, number, into, most_bytes=1, since=since).files)
    except ServerError:  # what has changed is more than a byte
        return True


@contextmanager
def opened(source: Backup, target: Backup) -> Iterator[tuple[ShardFiles, ShardFiles]]:
    """Open the files of two copies."""
    with ExitStack() as stack:
        yield stack.enter_context(ShardFiles(source)), stack.enter_context(ShardFiles(target))
