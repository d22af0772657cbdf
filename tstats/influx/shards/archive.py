"""The tar archives that the backup port sends and takes, one header at a time; and the names in them.

Python's tarfile trusts the sizes in headers. Here, what comes from the network is checked before anything is
read or written for it.
"""

import re
import tarfile
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tstats.errors import TsmError

BLOCK = 512
"""Archives consist of blocks of that many bytes."""

END = bytes(2 * BLOCK)
"""The end of an archive."""

_LONGEST_EXTENSION = 1 << 16  # bytes of a header for names that are long or not ASCII
_PARTS = 4  # of a name: database, policy, shard, file
_TSM_NAME = re.compile(r"([0-9]{9,19})-([0-9]{9,19})\.(tsm|tombstone)", re.ASCII)
_LARGEST_GENERATION = 999_999_999  # with nine digits, as InfluxDB writes them


class ShardPath(NamedTuple):
    """Where a shard is: `database/policy/7`."""

    database: str
    policy: str
    shard_id: int

    def __str__(self) -> str:
        return f"{self.database}/{self.policy}/{self.shard_id}"


class ArchiveMember(NamedTuple):
    """A file of an archive.

    Attributes:
        path: of the shard that it belongs to.
        name: of the file within the shard, such as `000000001-000000001.tsm`; may have folders.
        size: in bytes.
        folder: it is a folder, without content.
    """

    path: ShardPath
    name: str
    size: int
    folder: bool


class ArchiveError(ValueError):
    """Not an archive of a shard; the text says why."""


def parse_path(text: str) -> ShardPath:
    """Return the path of a shard.

    Raises:
        ArchiveError: it is not `database/policy/id`.
    """
    parts = text.split("/")
    if (
        len(parts) != _PARTS - 1
        or not _is_plain(parts)
        or not re.fullmatch("[0-9]{1,19}", parts[2], re.ASCII)
    ):
        raise ArchiveError(f"invalid path of a shard {text[:200]!r}")
    return ShardPath(parts[0], parts[1], int(parts[2]))


def is_tsm_name(name: str) -> bool:
    """Whether it is the name of a TSM file or of its tombstones, and as such safe to create."""
    return _TSM_NAME.fullmatch(name) is not None


def next_name(names: Iterable[str]) -> str:
    """Return the name of a TSM file of a generation above those of a shard.

    Args:
        names: of the shard's files; others than TSM files and tombstones do not matter.

    Raises:
        TsmError: there is none with nine digits.
    """
    matches = filter(None, map(_TSM_NAME.fullmatch, names))
    generation = max((int(match[1]) for match in matches), default=0) + 1
    if generation > _LARGEST_GENERATION:
        raise TsmError(f"no generation of TSM files is left after {generation - 1}")
    return f"{generation:09}-000000001.tsm"


def read_member(read: Callable[[int], bytes]) -> ArchiveMember | None:
    """Return the next member of an archive, whose content follows; None at the end.

    Args:
        read: returns exactly that many of the bytes that follow.

    Raises:
        ArchiveError: there is something else.
    """
    extension: dict[str, str] = {}
    while True:
        block = read(BLOCK)
        if not any(block):
            if any(read(BLOCK)):
                raise ArchiveError("it goes on after its end")
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise ArchiveError(str(error)) from error
        if header.type not in (tarfile.XHDTYPE, tarfile.XGLTYPE):
            return _member(header, extension)
        if not 0 <= header.size <= _LONGEST_EXTENSION:
            raise ArchiveError(f"an extended header of {header.size} bytes")
        content = read(padded(header.size))[: header.size]
        if header.type == tarfile.XHDTYPE:
            extension = _records(content)


def header_of(path: ShardPath, name: str, size: int, *, modified: int) -> bytes:
    """Return the header of a member.

    Args:
        path: of the shard.
        name: of the file.
        size: in bytes.
        modified: the time of the file, in seconds since the epoch.
    """
    info = tarfile.TarInfo(f"{path}/{name}")
    info.size, info.mtime = size, modified
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def padded(size: int) -> int:
    """Return how many bytes a content takes in an archive."""
    return size + -size % BLOCK


def _member(header: tarfile.TarInfo, extension: dict[str, str]) -> ArchiveMember:
    text, size = extension.get("path", header.name), header.size
    if "size" in extension:
        if not re.fullmatch("[0-9]{1,19}", extension["size"], re.ASCII):
            raise ArchiveError(f"invalid size {extension['size'][:200]!r}")
        size = int(extension["size"])
    if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
        raise ArchiveError(f"{text[:200]!r} is neither a file nor a folder")
    folder = header.type == tarfile.DIRTYPE
    parts = text.rstrip("/").split("/") if folder else text.split("/")
    if size < 0 or (folder and size) or len(parts) < _PARTS or not _is_plain(parts):
        raise ArchiveError(f"invalid member {text[:200]!r} of {size} bytes")
    return ArchiveMember(
        parse_path("/".join(parts[: _PARTS - 1])), "/".join(parts[_PARTS - 1 :]), size, folder
    )


def _is_plain(parts: Iterable[str]) -> bool:
    return all(part not in ("", ".", "..") and "\0" not in part for part in parts)


def _records(content: bytes) -> dict[str, str]:
    """Return the records of an extended header, `20 path=database/…` and a newline each."""
    found: dict[str, str] = {}
    while content:
        digits, space, _ = content[:8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = content[len(digits) + 1 : length - 1]
        key, equals, value = record.partition(b"=")
        if not space or not equals or content[length - 1 : length] != b"\n":
            raise ArchiveError("a damaged extended header")
        found[key.decode(errors="surrogateescape")] = value.decode(errors="surrogateescape")
        content = content[length:]
    return found
