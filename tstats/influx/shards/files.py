"""The files of a shard on disk, and how they are read: from any position, a piece ahead."""

import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from tstats.errors import TstatsError
from tstats.influx.shards.rpc import Backup
from tstats.influx.shards.shard import ShardKey, shard_keys
from tstats.influx.shards.tsm import TsmFile

_AHEAD = 1 << 18  # bytes: blocks follow one another in the order in which they are read


class FileBytes:
    """A file that is read from any position; of small pieces that follow one another, several at once.

    Args:
        path: of the file.

    Raises:
        TstatsError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
            self._size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise TstatsError(f"{path} cannot be read: {error.strerror}") from error
        self._start, self._piece = 0, b""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """Return that many bytes from a position; fewer at the end.

        Raises:
            TstatsError: it cannot be read.
        """
        skipped = offset - self._start
        if skipped < 0 or skipped + size > len(self._piece):
            if size >= _AHEAD:
                return self._read(offset, size)
            follows = 0 <= skipped <= len(self._piece) + _AHEAD
            self._piece = self._read(offset, _AHEAD if follows else size)
            self._start, skipped = offset, 0
        return self._piece[skipped : skipped + size]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), size, offset)
        except OSError as error:
            raise TstatsError(f"{self._file.name!r} cannot be read: {error.strerror}") from error


class ShardFiles:
    """The files of a backup, open for reading; a context manager.

    Args:
        backup: from `rpc.BackupPort.backup`; its files have to stay where they are.

    Attributes:
        backup: the same.

    Raises:
        TsmError: one of them is not a TSM file.
        TstatsError: one of them cannot be opened.
    """

    def __init__(self, backup: Backup) -> None:
        self.backup = backup
        self._open: list[FileBytes] = []
        self._files: list[TsmFile] = []
        try:
            for file in backup.files:
                if file.name.endswith(".tsm"):
                    self._open.append(FileBytes(file.path))
                    self._files.append(TsmFile(file.name, self._open[-1]))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        self.close()

    def keys(self) -> Iterator[ShardKey]:
        """Yield the keys of the shard in byte order; may be called again.

        Raises:
            TsmError: a file is damaged.
        """
        return shard_keys(self._files)

    def close(self) -> None:
        """Close the files."""
        for file in self._open:
            file.close()
