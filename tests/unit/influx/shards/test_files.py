"""The files of a shard on disk."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tsm_files import file_bytes
from tstats.errors import TsmError, TstatsError
from tstats.influx.shards.files import FileBytes, ShardFiles
from tstats.influx.shards.rpc import Backup, BackupFile

CONTENT = bytes(range(256)) * 4_096  # a megabyte


def backup(*files: tuple[str, Path]) -> Backup:
    return Backup(path=None, files=tuple(BackupFile(name=name, path=path, size=0) for name, path in files))


@given(st.lists(st.tuples(st.integers(0, len(CONTENT)), st.integers(0, 300_000)), max_size=20))
def test_any_part_of_a_file(tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int]]) -> None:
    path = tmp_path_factory.getbasetemp() / "content"
    if not path.exists():
        path.write_bytes(CONTENT)
    file = FileBytes(path)
    assert file.size == len(CONTENT)
    for offset, size in [*parts, *((start, 100) for start in range(0, 300_000, 100))]:
        assert file.read(offset, size) == CONTENT[offset : offset + size]
    file.close()


def test_keys_of_several_files_without_the_tombstones(tmp_path: Path) -> None:
    for name, key in (("000000001-000000001.tsm", b"b"), ("000000002-000000001.tsm", b"a")):
        (tmp_path / name).write_bytes(file_bytes({key: [{1: 1.0}]}))
    (tmp_path / "x.tombstone").touch()
    copied = backup(*((path.name, path) for path in tmp_path.iterdir()))
    with ShardFiles(copied) as files:
        assert (
            [key.key for key in iter(files.keys())] == [key.key for key in iter(files.keys())] == [b"a", b"b"]
        )


def test_a_file_that_is_missing_or_something_else(tmp_path: Path) -> None:
    with pytest.raises(TstatsError, match="cannot be read: No such file"):
        ShardFiles(backup(("a.tsm", tmp_path / "missing")))
    (tmp_path / "other").write_bytes(b"something else than a TSM file")
    with pytest.raises(TsmError, match=r"a.tsm is not a TSM file"):
        ShardFiles(backup(("a.tsm", tmp_path / "other")))
