"""The backup port of InfluxDB 1.x, which `influxd backup` and `influxd restore` use.

It streams the files of a shard, and adds files to a shard of a running server. It has neither authentication
nor TLS: reach it on loopback or through an SSH tunnel.

A connection takes one request: the byte 3, the number of the request, and its arguments. The answer lasts
until the server closes the connection. Errors are not reported: the answer is shorter, or empty.

Source: InfluxDB's services/snapshotter/service.go and pkg/tar.
"""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tstats.core.time import format_time
from tstats.errors import (
    BrokenStreamError,
    RefusedError,
    ServerError,
    SlowError,
    TstatsError,
    UnreachableError,
)
from tstats.influx.shards import archive
from tstats.influx.shards.address import BackupAddress
from tstats.influx.shards.archive import ArchiveError, ShardPath
from tstats.influx.shards.archive_stream import ArchiveStream, not_a_backup_port

_SHARD_BACKUP, _DATABASE_INFO, _SHARD_UPDATE = 0, 3, 7
_PREFIX = 3  # marks a connection as one of the backup service
_EVER = "0001-01-01T00:00:00Z"
_CHUNK = 1 << 18
_MOST_INFO = 1 << 24  # bytes of the list of shards
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: do not end a stream as if it were complete
Throttle = Callable[[int], None]
"""Called after each chunk with its size in bytes; it may sleep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFile:
    """A file of a shard, copied from a server.

    Attributes:
        name: in the shard, such as `000000001-000000001.tsm`, or `.tombstone` for deleted points.
        path: of the copy.
        size: in bytes.
    """

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """The files of a shard, copied from a server.

    Attributes:
        path: of the shard on the server; None if there are no files.
        files: TSM files and tombstones; none if nothing has changed since `since`, or the shard is empty.
    """

    path: ShardPath | None
    files: tuple[BackupFile, ...]

    @property
    def tombstones(self) -> bool:
        """Whether the TSM files still hold points that were deleted."""
        return any(file.name.endswith(".tombstone") for file in self.files)


class _Shards(msgspec.Struct):
    """The answer to a request for the shards of a database."""

    Paths: list[str] | None


class BackupPort:
    """The backup port of a server; every call opens a connection of its own.

    Args:
        address: of the port.
        connect_timeout: seconds for a connection to open.
        timeout: the longest wait for the next piece of an answer, in seconds; a backup first writes the
            shard's cache to a file.
        send_timeout: the longest wait until the server takes 256 KiB of an upload, in seconds. It is short
            because the shard takes no writes during an upload.
        throttle: called with the size of every piece that was received or sent.
    """

    def __init__(
        self,
        address: BackupAddress,
        *,
        connect_timeout: float = 10.0,
        timeout: float = 60.0,
        send_timeout: float = 3.0,
        throttle: Throttle | None = None,
    ) -> None:
        self.address = address
        self._connect_timeout, self._timeout, self._send_timeout = connect_timeout, timeout, send_timeout
        self._throttle = throttle or (lambda _: None)

    def shards(self, database: str = "") -> list[ShardPath]:
        """Return the shards of a database, or of all, in the server's order.

        Raises:
            UnreachableError: the port cannot be reached.
            RefusedError: there is no such database.
            ServerError: it is not a backup port.
        """
        request = msgspec.json.encode({"Type": _DATABASE_INFO, "BackupDatabase": database})
        with self._connected(_DATABASE_INFO, request + b"\n") as connection:
            answer = bytearray()
            receive = self._received(connection)
            while len(answer) < _MOST_INFO and (piece := receive()):
                answer += piece
        if not answer and database:
            self.shards()
            raise RefusedError(f"{self.address} has no database {database!r}")
        try:
            paths = msgspec.json.decode(answer, type=_Shards).Paths or []
            return [archive.parse_path(path) for path in paths]
        except (msgspec.MsgspecError, ArchiveError) as error:
            raise not_a_backup_port(str(self.address), bytes(answer)) from error

    def backup(self, shard_id: int, into: Path, *, most_bytes: int, since: int | None = None) -> Backup:
        """Copy the TSM files and tombstones of a shard into a folder.

        The server first writes what it has in memory to a file, so that the copy is complete.

        Args:
            shard_id: as SHOW SHARDS numbers it.
            into: an empty folder. After an error it holds a part of the files.
            most_bytes: how many bytes may be written.
            since: only files that changed after this time of the server's clock, in ns since the epoch.

        Raises:
            UnreachableError: the port cannot be reached; a `SlowError` if nothing came in time.
            BrokenStreamError: the stream ended before its end, or stalled.
            RefusedError: there is no such shard.
            ServerError: it is not a backup port, sent other files, or more than `most_bytes`.
            TstatsError: a file cannot be written.
        """
        moment = _EVER if since is None else format_time(since)
        request = msgspec.json.encode({"Type": _SHARD_BACKUP, "ShardID": shard_id, "Since": moment})
        files: list[BackupFile] = []
        path: ShardPath | None = None
        with self._connected(_SHARD_BACKUP, request + b"\n") as connection:
            stream = ArchiveStream(self._received(connection), where=f"{self.address}, shard {shard_id}")
            if not stream.has_begun():
                raise self._nothing(shard_id)
            for member in stream.members(most_bytes=most_bytes):
                path = path or member.path
                if member.path != path or path.shard_id != shard_id:
                    raise ServerError(f"{self.address} sent files of {member.path} for shard {shard_id}")
                if member.folder or not archive.is_tsm_name(member.name):
                    stream.skip(member.size)
                else:
                    stream.save(member.size, into / member.name)
                    files.append(BackupFile(name=member.name, path=into / member.name, size=member.size))
        return Backup(path=path, files=tuple(files))

    def update(self, path: ShardPath, files: Sequence[BackupFile]) -> bool:
        """Add TSM files to a shard of a running server, and wait until it closes the connection.

        The server replaces files of the same name, checks nothing, and does not say whether it succeeded:
        read the shard back, and never repeat an upload under the same names. The docstring of the package
        lists what has to be true before an upload.

        Args:
            path: of the shard.
            files: to be added, under their names.

        Returns:
            Whether the server closed the connection in time and in order. Neither means success or failure.

        Raises:
            UnreachableError: the port cannot be reached; nothing was sent.
            BrokenStreamError: the server did not take all of it, or not in time: it keeps no incomplete file,
                but may keep those that were sent before.
            TstatsError: a file cannot be read, or is not named as a TSM file is; nothing was sent.
        """
        for file in files:
            if not archive.is_tsm_name(file.name) or not file.name.endswith(".tsm"):
                raise TstatsError(f"{file.name} is not the name of a TSM file")
            if not file.path.is_file() or file.path.stat().st_size != file.size:
                raise TstatsError(f"{file.path} is missing, or not {file.size} bytes long")
        with self._connected(_SHARD_UPDATE, path.shard_id.to_bytes(8)) as connection:
            sent = 0
            try:
                connection.settimeout(self._send_timeout)
                for piece in _pieces(path, files):
                    connection.sendall(piece)
                    sent += len(piece)
                    self._throttle(len(piece))
            except OSError as error:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                text = f"{self.address} took only {sent} bytes of an upload to {path}: {_cause(error)}"
                raise BrokenStreamError(text) from error
            except BaseException:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                raise
            try:
                connection.settimeout(self._timeout)
                return not connection.recv(1)
            except OSError:
                return False

    @contextmanager
    def _connected(self, request: int, arguments: bytes) -> Iterator[socket.socket]:
        try:
            connection = socket.create_connection(
                (self.address.host, self.address.port), timeout=self._connect_timeout
            )
        except OSError as error:
            raise UnreachableError(
                f"{self.address} cannot be reached: {_cause(error)}; the backup port is bind-address in"
                " influxdb.conf (127.0.0.1:8088), from another machine through a tunnel"
                " (ssh -L 8088:localhost:8088 HOST)"
            ) from error
        with connection:
            try:
                connection.sendall(bytes([_PREFIX, request]) + arguments)
            except OSError as error:
                raise UnreachableError(f"{self.address} closed the connection: {_cause(error)}") from error
            connection.settimeout(self._timeout)
            yield connection

    def _received(self, connection: socket.socket) -> Callable[[], bytes]:
        """Return a function that returns the next piece of an answer, and nothing at its end."""
        began = False

        def receive() -> bytes:
            nonlocal began
            try:
                piece = connection.recv(_CHUNK)
            except TimeoutError as error:
                kind = BrokenStreamError if began else SlowError
                raise kind(f"{self.address} sent nothing for {self._timeout:g} s") from error
            except OSError as error:
                raise BrokenStreamError(f"{self.address} broke off: {_cause(error)}") from error
            began = True
            self._throttle(len(piece))
            return piece

        return receive

    def _nothing(self, shard_id: int) -> ServerError:
        """Return the reason why not even the beginning of an archive came."""
        if all(path.shard_id != shard_id for path in self.shards()):
            return RefusedError(
                f"{self.address} has no shard {shard_id}; see `tstats shard list {self.address}`"
            )
        return UnreachableError(
            f"{self.address} sent nothing of shard {shard_id}; the log of influxd says why"
        )


def _pieces(path: ShardPath, files: Sequence[BackupFile]) -> Iterator[bytes]:
    """Yield the bytes of an archive, and nothing after its end: the server would answer that with a reset."""
    for file in files:
        rest = file.size
        with file.path.open("rb") as content:
            piece = archive.header_of(path, file.name, file.size, modified=int(file.path.stat().st_mtime))
            while rest or piece:
                yield piece
                piece = content.read(min(rest, _CHUNK))
                if rest and not piece:
                    raise TstatsError(f"{file.path} has become shorter while it was sent")
                rest -= len(piece)
        if padding := bytes(-file.size % archive.BLOCK):
            yield padding
    yield archive.END


def _cause(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
