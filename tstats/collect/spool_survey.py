"""What a spool contains, seen from outside: a survey creates, locks and changes nothing."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tstats.collect.batch import is_file_name
from tstats.collect.spool import queue_name
from tstats.core.time import SECOND
from tstats.errors import SpoolError

_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for one target.

    Attributes:
        batches: the number of batches.
        oldest: seconds since the oldest was put; 0 when none waits.
    """

    batches: int = 0
    oldest: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSurvey:
    """The state of a spool.

    Attributes:
        exists: whether the directory exists; if not, only `writable` and `free` are known.
        writable: whether this user can write to the directory, or create it.
        in_use: whether a process on this machine uses it; None where the system does not say.
        waiting: what waits, by target.
        orphans: the number of batches for targets that are no longer named.
        bytes: the space that waiting batches take up.
        rejected: the number of writes that were rejected for good.
        newest_reason: why the last of them was rejected.
        free: free space on the disk for this user, in bytes.
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


def survey(directory: Path, targets: Sequence[str]) -> SpoolSurvey:
    """Return the state of a spool.

    Args:
        directory: the directory in the settings.
        targets: the names that the collector uses.

    Raises:
        SpoolError: the spool cannot be read.
    """
    try:
        return _survey(directory, targets)
    except OSError as error:
        raise SpoolError(f"spool: {error.filename or directory} cannot be read: {error.strerror}") from error


def _survey(directory: Path, targets: Sequence[str]) -> SpoolSurvey:
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    free = shutil.disk_usage(existing).free
    if not directory.is_dir():
        return SpoolSurvey(writable=writable, free=free)
    named = {queue_name(target): target for target in targets}
    waiting = dict.fromkeys(targets, Waiting())
    sizes: dict[str, int] = {}  # by name: a batch has one file, however many targets it waits for
    orphans = 0
    for queue in _entries(directory / "queue"):
        times = []
        for path in _entries(queue):
            if not is_file_name(path.name):
                continue
            try:
                status = path.stat()
            except FileNotFoundError:  # delivered meanwhile
                continue
            sizes[path.name] = status.st_size
            times.append(status.st_mtime_ns)
        if queue.name in named:
            oldest = max(0.0, (time.time_ns() - min(times)) / SECOND) if times else 0.0
            waiting[named[queue.name]] = Waiting(batches=len(times), oldest=oldest)
        else:
            orphans += len(times)
    reasons = sorted(
        (path for path in _entries(directory / "rejected") if path.suffix == ".reason"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    return SpoolSurvey(
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
    """Return whether the system lists a lock on the file; an attempt to lock it could stop a collector."""
    try:
        status = file.stat()
        locks = _LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return False if _LOCKS.exists() else None
    except OSError:
        return None
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    return any(fields[1] == "FLOCK" and device in fields for line in locks if (fields := line.split()))
