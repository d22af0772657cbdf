"""A durable queue on disk: a batch is here before it counts as collected, and leaves when it is delivered.

The layout of the directory:

    lock                      held by the process that uses the spool
    new/N-DB.batch            being written; what a crash left behind is removed at the start
    queue/TARGET/N-DB.batch   waits for TARGET; the names sort by age and contain the database
    rejected/TARGET-N-DB.lines
                              rejected by TARGET for good, as line protocol, with the reason beside it;
                              at most a tenth of the spool's space, the oldest files are removed first

Each target's queue holds a hard link to the file of a batch, so that a target that was down catches up on its
own and no batch takes up space twice. A batch counts as put when its file, its links and their directories
are synced to the disk.
"""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import IO

from tstats.collect.batch import Batch, database_of, decode, encode, file_name, is_file_name, number_in
from tstats.core.time import SECOND
from tstats.errors import SpoolError


def queue_name(target: str) -> str:
    """Return the name of a target's directory: readable, and different for different targets."""
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', target)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


class Spool:
    """The queues of all targets. Thread-safe.

    Args:
        directory: created when it does not exist.
        targets: where each batch goes. Batches that wait for a target that is no longer named go to all
            that are, since writing a point twice changes nothing.
        max_bytes: the space for waiting batches; when it is used up, the oldest are evicted.

    Raises:
        SpoolError: the directory cannot be used, or another process uses it.
    """

    def __init__(self, directory: Path, targets: Sequence[str], *, max_bytes: int) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._mutex = threading.Lock()
        self._new = directory / "new"
        self._rejected = directory / "rejected"
        self._queues = {target: directory / "queue" / queue_name(target) for target in targets}
        self._waiting: dict[str, dict[str, None]] = {}  # insertion-ordered: the oldest name first
        self._sizes: dict[str, int] = {}  # of each waiting batch, the oldest first
        with self._explained("cannot be used"):
            for folder in (self._new, self._rejected, *self._queues.values()):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
            for leftover in self._new.iterdir():
                leftover.unlink()
            self._adopt_orphans()
            for target, queue in self._queues.items():
                names = sorted(path.name for path in queue.iterdir() if is_file_name(path.name))
                self._waiting[target] = dict.fromkeys(names)
                self._sizes |= {name: (queue / name).stat().st_size for name in names}
        self._sizes = dict(sorted(self._sizes.items()))
        self._total = sum(self._sizes.values())
        # Rejected batches count as well: their numbers must not be used again.
        used = [*self._sizes, *(path.name for path in self._rejected.iterdir())]
        self._next = 1 + max(map(number_in, used), default=0)

    def close(self) -> None:
        """Release the lock, so that another process can use the spool."""
        self._lock.close()

    @property
    def bytes(self) -> int:
        """The space that waiting batches take up."""
        return self._total

    def depth(self, target: str) -> int:
        """Return the number of batches that wait for a target."""
        return len(self._waiting[target])

    def oldest_age(self, target: str) -> float:
        """Return the seconds since the oldest batch that waits for a target was put; 0 when none waits."""
        with self._mutex:
            name = next(iter(self._waiting[target]), None)
        if name is None:
            return 0.0
        try:
            age = time.time_ns() - (self._queues[target] / name).stat().st_mtime_ns
            return max(0.0, age / SECOND)
        except FileNotFoundError:  # delivered meanwhile
            return 0.0

    def put(self, batches: Iterable[Batch]) -> int:
        """Keep batches for every target; they are on the disk when this returns.

        Returns:
            How many of the oldest batches were evicted to stay within `max_bytes`.

        Raises:
            SpoolError: none of the batches was kept (the disk is full, a permission is missing).
        """
        with self._mutex, self._explained("cannot take a batch"):
            named = {self._new_name(batch): batch for batch in batches}
            try:
                sizes = {name: self._write(name, batch) for name, batch in named.items()}
                for queue in self._queues.values() if named else ():
                    for name in named:
                        os.link(self._new / name, queue / name)
                    _sync_directory(queue)
            except BaseException:
                self._forget(named)
                raise
            for name, size in sizes.items():
                (self._new / name).unlink(missing_ok=True)
                self._sizes[name] = size
                self._total += size
                for waiting in self._waiting.values():
                    waiting[name] = None
            return self._evict()

    def waiting(self, target: str, most: int, *, without: AbstractSet[str] = frozenset()) -> list[str]:
        """Return the names of the oldest batches that wait for a target, except those of some databases."""
        with self._mutex:
            names = (name for name in self._waiting[target] if database_of(name) not in without)
            return list(itertools.islice(names, most))

    def read(self, target: str, name: str) -> Batch:
        """Return a batch that waits.

        Raises:
            SpoolError: the file cannot be read or is damaged.
            FileNotFoundError: the batch was evicted meanwhile.
        """
        path = self._queues[target] / name
        try:
            return decode(path.read_bytes())
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SpoolError(f"spool: {path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise SpoolError(f"spool: {path} is damaged: {error}") from error

    def done(self, target: str, name: str) -> None:
        """Remove a batch that a target has taken from its queue; after the last target, from the disk."""
        with self._mutex:
            self._remove(target, name)

    def reject(self, target: str, name: str, reason: str) -> Path:
        """Set a batch aside that a target rejected for good, so that it does not block the others.

        Returns:
            The file of the batch's lines, or its damaged file; the file `.reason` beside it has the reason.

        Raises:
            SpoolError: the files cannot be written; the batch still waits.
            FileNotFoundError: the batch was evicted meanwhile.
        """
        kept = (self._rejected / f"{queue_name(target)}-{name}").with_suffix(".lines")
        try:
            lines = self.read(target, name).lines
        except SpoolError:
            lines = None
        with self._explained("cannot set a rejected batch aside"):
            kept.with_suffix(".reason").write_text(f"{reason}\n", encoding="utf-8")
            if lines is None:
                (self._queues[target] / name).replace(kept)
            else:
                kept.write_bytes(lines)
            self._trim_rejected()
        self.done(target, name)
        return kept

    def _new_name(self, batch: Batch) -> str:
        """Return a name that no batch had before, not even a batch whose put failed."""
        name = file_name(self._next, batch)
        self._next += 1
        return name

    def _write(self, name: str, batch: Batch) -> int:
        """Write a batch's file and return its size."""
        content = encode(batch)
        with (self._new / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return len(content)

    def _forget(self, names: Iterable[str]) -> None:
        """Remove what a failed put has written; a full disk needs the space."""
        for name in names:
            for folder in (self._new, *self._queues.values()):
                with contextlib.suppress(OSError):
                    (folder / name).unlink()

    def _evict(self) -> int:
        evicted = 0
        while self._total > self._max_bytes:
            oldest = next(iter(self._sizes))
            for target in self._queues:
                self._remove(target, oldest)
            evicted += 1
        return evicted

    def _trim_rejected(self) -> None:
        """Remove the oldest rejected batches beyond a tenth of `max_bytes`: they must not fill the disk."""
        kept = sorted(self._rejected.glob("*.lines"), key=lambda path: path.stat().st_mtime_ns)
        total = sum(path.stat().st_size for path in kept)
        for path in kept[:-1]:
            if total <= self._max_bytes // 10:
                break
            total -= path.stat().st_size
            path.unlink()
            path.with_suffix(".reason").unlink(missing_ok=True)

    def _remove(self, target: str, name: str) -> None:
        self._waiting[target].pop(name, None)
        (self._queues[target] / name).unlink(missing_ok=True)
        if not any(name in waiting for waiting in self._waiting.values()):
            self._total -= self._sizes.pop(name, 0)

    def _adopt_orphans(self) -> None:
        """Move batches of targets that are no longer named to the queues of all that are."""
        for orphan in (self.directory / "queue").iterdir():
            if orphan in self._queues.values() or not orphan.is_dir():
                continue
            for path in orphan.iterdir():
                for queue in self._queues.values():
                    with contextlib.suppress(FileExistsError):
                        os.link(path, queue / path.name)
            for queue in self._queues.values():
                _sync_directory(queue)
            for path in orphan.iterdir():
                path.unlink()
            orphan.rmdir()

    def _take_lock(self) -> IO[str]:
        lock = (self.directory / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise SpoolError(
                f"spool: {self.directory} is in use by another tstats collect; stop that process, or set"
                " spoolDirectory to another directory"
            ) from None
        return lock

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = {
                errno.ENOSPC: "free space on that disk, or lower spoolMaxBytes",
                errno.EDQUOT: "raise the quota, or lower spoolMaxBytes",
                errno.EACCES: "give this user permission to write there, or set spoolDirectory",
                errno.EPERM: "the file system must support hard links; set spoolDirectory to another one",
                errno.EROFS: "the file system is read-only; set spoolDirectory to another one",
            }.get(error.errno or 0, "set spoolDirectory to a writable directory")
            raise SpoolError(f"spool: {self.directory} {what}: {error.strerror}; {remedy}") from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
