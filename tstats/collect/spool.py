"""A durable queue on disk: a batch is here before it counts as collected, and leaves when it is delivered.

Layout, all below one directory:

    lock                      held by the one process that uses the spool
    new/N-DB.batch            being written; what a crash left is removed at the start
    queue/TARGET/N-DB.batch   waiting for TARGET; the names sort by age and tell the database
    rejected/TARGET-N-DB.lines
                              what TARGET refused for good, as line protocol, with the reason beside it;
                              a tenth of the spool's room at most, the oldest go first

A batch is one compressed file with a checksum. Each target's queue holds a hard link to it, so that a
target that is down catches up by itself and no batch takes room twice. The batch counts as put when its
file, its links and their directories are synced to the disk.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import IO

import msgspec
import zstandard

from tstats.errors import SpoolError

_SUFFIX = ".batch"
_NAME = re.compile(r"\d{20}-.+\.batch")
_NUMBER = re.compile(r"(?<![0-9])\d{20}(?=-)")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Points that go to one database in one write request.

    Attributes:
        database, policy: where to; an empty policy is the database's default one.
        precision: the unit of the lines' times.
        points: how many lines there are.
        lines: the body of the request.
        minutes: the minutes that the points may lie in, by their start (ms since the epoch).
    """

    database: str
    policy: str
    precision: str
    points: int
    lines: bytes
    minutes: list[int] = []


def queue_name(target: str) -> str:
    """A target's directory: readable, and different for different targets."""
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', target)}-{hashlib.sha256(target.encode()).hexdigest()[:8]}"


def database_of(name: str) -> str:
    """The database that a batch of this name goes to."""
    return name.partition("-")[2].removesuffix(_SUFFIX)


class Spool:
    """The queue of each target; may be shared by threads.

    Args:
        directory: made when it is not there.
        targets: names of the places that each batch goes to. What waits for a target that is no longer
            named goes to all that are, since writing a point twice changes nothing.
        max_bytes: the room for waiting batches; when it is used up the oldest go.
        on_evicted: told the number of batches that went so.

    Raises:
        SpoolError: the directory cannot be used, or another process uses it.
    """

    def __init__(
        self,
        directory: Path,
        targets: Sequence[str],
        *,
        max_bytes: int,
        on_evicted: Callable[[int], None] = lambda _count: None,
    ) -> None:
        self.directory = directory
        self._max_bytes = max_bytes
        self._on_evicted = on_evicted
        self._mutex = threading.Lock()
        self._new = directory / "new"
        self._rejected = directory / "rejected"
        self._queues = {target: directory / "queue" / queue_name(target) for target in targets}
        self._waiting: dict[str, dict[str, None]] = {}  # insertion-ordered: the oldest name first
        self._sizes: dict[str, int] = {}  # of each waiting batch, the oldest first
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=True)
        with self._explained("cannot be used"):
            for folder in (self._new, self._rejected, *self._queues.values()):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = self._locked()
            for leftover in self._new.iterdir():
                leftover.unlink()
            self._adopt_orphans()
            for target, queue in self._queues.items():
                names = sorted(path.name for path in queue.iterdir() if _NAME.fullmatch(path.name))
                self._waiting[target] = dict.fromkeys(names)
                self._sizes |= {name: (queue / name).stat().st_size for name in names}
        self._sizes = dict(sorted(self._sizes.items()))
        self._total = sum(self._sizes.values())
        # Also behind what was set aside: its name must not be given a second time.
        used = [*self._sizes, *(path.name for path in self._rejected.iterdir())]
        self._next = 1 + max((int(match[0]) for name in used if (match := _NUMBER.search(name))), default=0)

    def close(self) -> None:
        """Let another process use the spool."""
        self._lock.close()

    @property
    def bytes(self) -> int:
        """The room that waiting batches take."""
        return self._total

    def depth(self, target: str) -> int:
        """How many batches wait for a target."""
        return len(self._waiting[target])

    def oldest_age(self, target: str) -> float:
        """Seconds since the oldest batch that waits for a target was put; 0 when none waits."""
        with self._mutex:
            name = next(iter(self._waiting[target]), None)
        if name is None:
            return 0.0
        try:
            return max(0.0, time.time() - (self._queues[target] / name).stat().st_mtime)
        except FileNotFoundError:  # delivered in between
            return 0.0

    def put(self, batches: Iterable[Batch]) -> None:
        """Keep batches for every target; they are on the disk when this returns.

        Raises:
            SpoolError: none of them counts as put (a full disk, no rights).
        """
        with self._mutex, self._explained("cannot take a batch"):
            named = {self._name(batch): batch for batch in batches}
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
            self._evict()

    def waiting(self, target: str, most: int, *, without: AbstractSet[str] = frozenset()) -> list[str]:
        """The names of the oldest batches that wait for a target, leaving out those of some databases."""
        with self._mutex:
            names = (name for name in self._waiting[target] if database_of(name) not in without)
            return list(itertools.islice(names, most))

    def read(self, target: str, name: str) -> Batch:
        """A batch that waits.

        Raises:
            SpoolError: its file cannot be read, or is not what was written.
            FileNotFoundError: it went in between.
        """
        path = self._queues[target] / name
        try:
            content = zstandard.ZstdDecompressor().decompress(path.read_bytes())
            head, _, lines = content.partition(b"\n")
            header = msgspec.json.decode(head, type=Batch)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SpoolError(f"spool: {path} cannot be read: {error.strerror}") from error
        except (zstandard.ZstdError, msgspec.MsgspecError, MemoryError) as error:
            # A damaged header may announce any size, for which there is no memory.
            raise SpoolError(f"spool: {path} is damaged: {error}") from error
        return msgspec.structs.replace(header, lines=lines)

    def done(self, target: str, name: str) -> None:
        """A target has taken a batch: it leaves that target's queue, and the disk after the last one."""
        with self._mutex:
            self._remove(target, name)

    def reject(self, target: str, name: str, reason: str) -> Path:
        """A target refused a batch for good: set it aside with the reason, out of the way of the rest.

        Returns:
            The file of its lines (or its damaged file); `.reason` beside it holds the reason.
        """
        kept = self._rejected / f"{queue_name(target)}-{name.removesuffix(_SUFFIX)}.lines"
        with self._explained("cannot set a refused batch aside"):
            kept.with_suffix(".reason").write_text(f"{reason}\n", encoding="utf-8")
            try:
                kept.write_bytes(self.read(target, name).lines)
            except SpoolError:
                (self._queues[target] / name).replace(kept)
            self._trim_rejected()
        self.done(target, name)
        return kept

    def _name(self, batch: Batch) -> str:
        """A name that no batch had before, not even one whose put failed."""
        name = f"{self._next:020d}-{batch.database}{_SUFFIX}"
        self._next += 1
        return name

    def _write(self, name: str, batch: Batch) -> int:
        """Write a batch's file; its size."""
        header = msgspec.json.encode(msgspec.structs.replace(batch, lines=b""))
        content = self._compressor.compress(header + b"\n" + batch.lines)
        with (self._new / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return len(content)

    def _forget(self, names: Iterable[str]) -> None:
        """Remove what a failed put has written: a full disk needs the room."""
        for name in names:
            for folder in (self._new, *self._queues.values()):
                with contextlib.suppress(OSError):
                    (folder / name).unlink()

    def _evict(self) -> None:
        evicted = 0
        while self._total > self._max_bytes:
            oldest = next(iter(self._sizes))
            for target in self._queues:
                self._remove(target, oldest)
            evicted += 1
        if evicted:
            self._on_evicted(evicted)

    def _trim_rejected(self) -> None:
        """A refusal that never ends must not fill the disk."""
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
        """Hand what waits for a target that is no longer named to those that are."""
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

    def _locked(self) -> IO[str]:
        lock = (self.directory / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise SpoolError(
                f"spool: {self.directory} is in use by another tstats collect; stop that one, or give"
                " this one a spoolDirectory of its own"
            ) from None
        return lock

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = {
                errno.ENOSPC: "free room on that disk, or lower spoolMaxBytes",
                errno.EDQUOT: "raise the quota, or lower spoolMaxBytes",
                errno.EACCES: "give this user the right to write there, or set spoolDirectory",
                errno.EPERM: "the file system must allow hard links; set spoolDirectory to another one",
                errno.EROFS: "the file system is read-only; set spoolDirectory to another one",
            }.get(error.errno or 0, "set spoolDirectory to a directory that can be written")
            raise SpoolError(f"spool: {self.directory} {what}: {error.strerror}; {remedy}") from error


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
