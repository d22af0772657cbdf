"""What a spool holds, seen from outside: nothing is made, locked or moved, whoever uses it meanwhile."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tstats.collect.spool import queue_name
from tstats.errors import SpoolError

_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one target.

    Attributes:
        batches: how many.
        oldest: seconds since the oldest was put; 0 when none waits.
    """

    batches: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A spool as it was found.

    Attributes:
        exists: whether the directory is there; without it only the room of the disk is known.
        writable: whether this user may write in it, or make it.
        in_use: whether a process on this machine holds it; None where the system does not tell.
        waiting: by target.
        orphans: batches for targets that are not named.
        bytes: the room that waiting batches take.
        rejected: how many writes were set aside as refused for good.
        newest_reason: why the last one of them was.
        free: room on the disk for this user, in bytes.
    """

    exists: bool = False
    writable: bool
    in_use: bool | None = None
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    orphans: int = 0
    bytes: int = 0
    rejected: int = 0
    newest_reason: str = ""
    free: int


def survey(directory: Path, targets: Sequence[str]) -> Survey:
    """Look at a spool.

    Args:
        directory: as the settings name it.
        targets: as the collector names them.

    Raises:
        SpoolError: something of it cannot be read.
    """
    try:
        return _survey(directory, targets)
    except OSError as error:
        raise SpoolError(f"spool: {error.filename or directory} cannot be read: {error.strerror}") from error


def _survey(directory: Path, targets: Sequence[str]) -> Survey:
    standing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    writable = standing.is_dir() and os.access(standing, os.W_OK | os.X_OK)
    free = shutil.disk_usage(standing).free
    if not directory.is_dir():
        return Survey(writable=writable, free=free)
    named = {queue_name(target): target for target in targets}
    waiting = dict.fromkeys(targets, Waiting())
    sizes: dict[str, int] = {}  # a batch has one file, however many wait for it
    orphans = 0
    for queue in _entries(directory / "queue"):
        batches = {entry.name: entry for entry in _entries(queue) if entry.suffix == ".batch"}
        times = []
        for name, path in batches.items():
            try:
                status = path.stat()
            except FileNotFoundError:  # delivered in between
                continue
            sizes[name] = status.st_size
            times.append(status.st_mtime)
        if queue.name in named:
            oldest = max(0.0, time.time() - min(times)) if times else 0.0
            waiting[named[queue.name]] = Waiting(batches=len(times), oldest=oldest)
        else:
            orphans += len(times)
    reasons = sorted(
        (path for path in _entries(directory / "rejected") if path.suffix == ".reason"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    return Survey(
        exists=True,
        writable=writable,
        in_use=_is_locked(directory / "lock"),
        waiting=waiting,
        orphans=orphans,
        bytes=sum(sizes.values()),
        rejected=len(reasons),
        newest_reason=reasons[-1].read_text(encoding="utf-8", errors="replace").strip() if reasons else "",
        free=free,
    )


def _entries(directory: Path) -> Iterator[Path]:
    return directory.iterdir() if directory.is_dir() else iter(())


def _is_locked(file: Path) -> bool | None:
    """Whether a process holds the file's lock, as the system tells; to try it would take it for a moment."""
    try:
        status = file.stat()
        locks = _LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return False if _LOCKS.exists() else None
    except OSError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(fields[1] == "FLOCK" and device in fields for line in locks if (fields := line.split()))
