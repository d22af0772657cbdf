"""A batch of points and its file: the name sorts by age, the content is compressed and has a checksum."""

import re

import msgspec
import zstandard

_SUFFIX = ".batch"
_NAME = re.compile(r"\d{20}-.+\.batch")
_NUMBER = re.compile(r"(?<![0-9])\d{20}(?=-)")


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Points that go to one database in one write request.

    Attributes:
        database, policy: the destination; an empty policy is the database's default policy.
        precision: the unit of the lines' timestamps.
        points: the number of lines.
        lines: the body of the request.
        minutes: the starts of the minutes in which the points lie (ms since the epoch, as in the payload).
    """

    database: str
    policy: str
    precision: str
    points: int
    lines: bytes
    minutes: list[int] = []


def file_name(number: int, batch: Batch) -> str:
    """Return the name of a batch's file; names sort by number.

    >>> file_name(7, Batch(database="cache_stats", policy="", precision="ms", points=0, lines=b""))
    '00000000000000000007-cache_stats.batch'
    """
    return f"{number:020d}-{batch.database}{_SUFFIX}"


def is_file_name(name: str) -> bool:
    """Return whether `file_name` made this name."""
    return _NAME.fullmatch(name) is not None


def number_in(name: str) -> int:
    """Return the batch number in the name of a file; 0 if it contains none."""
    match = _NUMBER.search(name)
    return int(match[0]) if match else 0


def database_of(name: str) -> str:
    """Return the database that the batch with this file name goes to."""
    return name.partition("-")[2].removesuffix(_SUFFIX)


def encode(batch: Batch) -> bytes:
    """Return the content of a batch's file."""
    header = msgspec.json.encode(msgspec.structs.replace(batch, lines=b""))
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(header + b"\n" + batch.lines)


def decode(content: bytes) -> Batch:
    """Return the batch in a file.

    Raises:
        ValueError: the content is not what `encode` returned.
    """
    try:
        head, _, lines = zstandard.ZstdDecompressor().decompress(content).partition(b"\n")
        return msgspec.structs.replace(msgspec.json.decode(head, type=Batch), lines=lines)
    except (zstandard.ZstdError, msgspec.MsgspecError, MemoryError) as error:
        # A damaged header may announce any size, for which there is no memory.
        raise ValueError(str(error)) from error
