"""An archive as it comes in from a backup port: checked, bounded, and written to files piece by piece."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tstats.errors import BrokenStreamError, ServerError, TstatsError
from tstats.influx.shards import archive
from tstats.influx.shards.archive import ArchiveError, ArchiveMember

_MOST_MEMBERS = 10_000


class ArchiveStream:
    """An archive of which each member is saved or skipped before the next one is asked for.

    Args:
        receive: returns the next piece of the stream, nothing at its end.
        where: the server and the shard, for errors.
    """

    def __init__(self, receive: Callable[[], bytes], *, where: str) -> None:
        self._receive, self._where = receive, where
        self._piece = memoryview(b"")
        self._received = 0

    def has_begun(self) -> bool:
        """Whether enough comes to be the beginning of an archive, before anything was taken from it."""
        while len(self._piece) < archive.BLOCK and (piece := self._receive()):
            self._piece = memoryview(bytes(self._piece) + piece)
            self._received += len(piece)
        return len(self._piece) >= archive.BLOCK

    def members(self, *, most_bytes: int) -> Iterator[ArchiveMember]:
        """Yield the members, up to the end of the stream.

        Args:
            most_bytes: of all of them.

        Raises:
            BrokenStreamError: the stream ended before the archive did.
            ServerError: it is not an archive of a shard, or has more bytes.
        """
        total = 0
        for number in range(_MOST_MEMBERS + 1):
            at_beginning = self._received == len(self._piece)
            start = bytes(self._piece[: archive.BLOCK])
            try:
                member = archive.read_member(self._exactly)
            except ArchiveError as error:
                if at_beginning:
                    raise not_a_backup_port(self._where, start) from error
                raise ServerError(f"{self._where}: sent an invalid archive: {error}") from error
            if member is None:
                break
            total += member.size
            if total > most_bytes or number == _MOST_MEMBERS:
                text = f"more than {most_bytes} bytes, or {_MOST_MEMBERS} files; free some room"
                raise ServerError(f"{self._where}: the shard has {text}")
            yield member
        self._fill()
        if self._piece:
            raise ServerError(f"{self._where}: sent something after the end of the archive")

    def save(self, size: int, path: Path) -> None:
        """Write the content of a member to a new file.

        Raises:
            BrokenStreamError: the stream ended before.
            TstatsError: the file cannot be written.
        """
        try:
            with path.open("xb") as file:
                for piece in self._content(size):
                    file.write(piece)
        except OSError as error:
            raise TstatsError(f"{path} cannot be written: {error.strerror}") from error

    def skip(self, size: int) -> None:
        """Pass over the content of a member.

        Raises:
            BrokenStreamError: the stream ended before.
        """
        for _ in self._content(size):
            pass

    def _content(self, size: int) -> Iterator[memoryview]:
        rest = size
        while rest:
            piece = self._some(rest)
            rest -= len(piece)
            yield piece
        self._exactly(-size % archive.BLOCK)

    def _exactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += self._some(size - len(found))
        return found

    def _some(self, most: int) -> memoryview:
        """Return at least one byte, and at most so many."""
        self._fill()
        if not self._piece:
            raise BrokenStreamError(
                f"{self._where}: the backup ended after {self._received} bytes, incomplete"
            )
        piece, self._piece = self._piece[:most], self._piece[most:]
        return piece

    def _fill(self) -> None:
        if not self._piece:
            self._piece = memoryview(self._receive())
            self._received += len(self._piece)


def not_a_backup_port(where: str, answer: bytes) -> ServerError:
    """Return the error for an answer that no backup port gives."""
    found = f"it sent {answer[:60]!r}" if answer else "it sent nothing"
    return ServerError(
        f"{where}: not the backup port of an InfluxDB 1.x ({found});"
        " the port is bind-address in influxdb.conf, 8088 by default"
    )
