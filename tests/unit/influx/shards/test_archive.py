"""Archives of the backup port: read from any server's bytes, and refused where they are not such."""

import io
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tstats.errors import TsmError
from tstats.influx.shards import archive
from tstats.influx.shards.archive import ArchiveError, ArchiveMember, ShardPath

PATH = ShardPath("dé b", "autogen", 7)
NAME = "000000001-000000001.tsm"


def members(content: bytes) -> list[ArchiveMember]:
    stream = io.BytesIO(content)

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) != size:
            raise EOFError
        return found

    found = []
    while (member := archive.read_member(read)) is not None:
        found.append(member)
        read(archive.padded(member.size))
    return found


def tar(*infos: tarfile.TarInfo, kind: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as file:
        for info in infos:
            file.addfile(info, io.BytesIO(bytes(info.size)))
    return out.getvalue()


def info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size, found.type = size, kind
    return found


def test_what_is_written_is_read() -> None:
    content = archive.header_of(PATH, NAME, 5, modified=1) + bytes(512) + archive.END
    assert members(content) == [ArchiveMember(PATH, NAME, 5, folder=False)]
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        assert file.getnames() == [f"dé b/autogen/7/{NAME}"]


def test_long_names_folders_and_large_files() -> None:
    long = "d" * 200
    content = tar(
        info(f"{long}/p/1/{NAME}", 600), info("d/p/1/index", kind=tarfile.DIRTYPE), info("d/p/1/index/0/a")
    )
    assert members(content) == [
        ArchiveMember(ShardPath(long, "p", 1), NAME, 600, folder=False),
        ArchiveMember(ShardPath("d", "p", 1), "index", 0, folder=True),
        ArchiveMember(ShardPath("d", "p", 1), "index/0/a", 0, folder=False),
    ]
    header = archive.header_of(PATH, NAME, 2**40, modified=1)
    read = io.BytesIO(header).read
    assert archive.read_member(read) == ArchiveMember(PATH, NAME, 2**40, folder=False)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/p/1/a",
        "../p/1/a",
        "d/../1/a",
        "d/p/1/../a",
        "d/p/1/",
        "d/p/x/a",
        "d/p/a",
        "a",
        "d//1/a",
        "d/p/-1/a",
    ],
)
def test_a_hostile_name(name: str) -> None:
    with pytest.raises(ArchiveError, match="invalid"):
        members(tar(info(name)))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S", b"L"]
)
def test_links_and_devices(kind: bytes) -> None:
    with pytest.raises(ArchiveError, match="neither a file nor a folder"):
        members(tar(info("d/p/1/a", kind=kind)))


@pytest.mark.parametrize(
    "records",
    [b"9 path=a\n", b"x", b"0 path=a\n", b"20 path=d/p/1/a\n", b"12 size=-100\n", b"99999999 a=b\n"],
)
def test_a_damaged_extended_header(records: bytes) -> None:
    extended = info("x", len(records), tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT)
    content = extended + records.ljust(512, b"\0") + tar(info("d/p/1/a"))
    with pytest.raises(ArchiveError):
        members(content)


def test_a_huge_extended_header_is_not_read() -> None:
    with pytest.raises(ArchiveError, match="an extended header of 100000000 bytes"):
        members(info("x", 10**8, tarfile.XHDTYPE).tobuf(tarfile.USTAR_FORMAT))


@settings(max_examples=300)
@given(st.data())
def test_a_mutated_archive_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(tar(info(f"dé/p/1/{NAME}", 600), info("d/p/1/b", 10)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 2047))] = data.draw(st.integers(0, 255))
    with suppress(ArchiveError, EOFError):
        members(bytes(content))


def test_the_next_name_is_above_all_others() -> None:
    assert archive.next_name([]) == "000000001-000000001.tsm"
    names = ["000000009-000000001.tsm", "000000012-000000003.tombstone", "fields.idx", "999999999999.tsm"]
    assert archive.next_name(names) == "000000013-000000001.tsm"
    with pytest.raises(TsmError, match="no generation"):
        archive.next_name(["999999999-000000001.tsm"])


@pytest.mark.parametrize("path", ["", "a", "a/b", "a/b/c", "/a/1", "a/b/1/2", "../b/1", "a/b/-1"])
def test_a_wrong_path(path: str) -> None:
    with pytest.raises(ArchiveError, match="invalid path of a shard"):
        archive.parse_path(path)
