"""The spool keeps batches on disk, in order, for each target, until that target has taken them."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tstats.collect.batch import Batch, database_of
from tstats.collect.spool import Spool, queue_name
from tstats.errors import SpoolError

ROOM = 1 << 30
DATABASE = "cache_stats"


def batch(text: str = "x", *, database: str = DATABASE, size: int = 0) -> Batch:
    lines = text.encode() + os.urandom(size).hex().encode()
    return Batch(database=database, policy="daily", precision="ms", points=1, lines=lines)


def texts(spool: Spool, target: str = "a") -> list[str]:
    """Return what waits for a target, the oldest first."""
    return [spool.read(target, name).lines.decode() for name in spool.waiting(target, 1000)]


def files(spool: Spool) -> set[Path]:
    """Return every file that contains points."""
    return {path for path in spool.directory.rglob("*") if path.is_file() and path.name != "lock"}


@pytest.fixture
def open_spool(tmp_path: Path) -> Iterator[Callable[..., Spool]]:
    """Open the spool of this test, or open it again as a restart would."""
    opened: list[Spool] = []

    def opener(*targets: str, max_bytes: int = ROOM) -> Spool:
        for spool in opened:
            spool.close()
        opened.append(Spool(tmp_path / "spool", targets or ["a"], max_bytes=max_bytes))
        return opened[-1]

    yield opener
    for spool in opened:
        spool.close()


OpenSpool = Callable[..., Spool]


# --- in and out


def test_batches_wait_in_the_order_they_were_put(open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.put([batch("1"), batch("2")])
    spool.put([])
    spool.put([batch("3")])
    assert texts(spool) == ["1", "2", "3"]
    assert spool.depth("a") == 3


def test_a_batch_is_read_back_unchanged(open_spool: OpenSpool) -> None:
    spool = open_spool()
    put = Batch(
        database="deliveryservice_stats",
        policy="",
        precision="ms",
        points=2,
        lines=b"a b\nc \xf0\x9f\x9a\x80",
    )
    spool.put([put])
    (name,) = spool.waiting("a", 9)
    assert spool.read("a", name) == put
    assert database_of(name) == "deliveryservice_stats"


def test_a_delivered_batch_is_removed_from_the_disk(open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.put([batch("1"), batch("2")])
    spool.done("a", spool.waiting("a", 1)[0])
    assert texts(spool) == ["2"]
    spool.done("a", spool.waiting("a", 1)[0])
    assert (texts(spool), spool.bytes, files(spool)) == ([], 0, set())
    with pytest.raises(FileNotFoundError):
        spool.read("a", "00000000000000000001-cache_stats.batch")


def test_waiting_returns_the_oldest_batches_except_those_of_some_databases(open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.put([batch(database=database) for database in ("x", "y", "x", "y", "z")])
    assert [database_of(name) for name in spool.waiting("a", 3)] == ["x", "y", "x"]
    assert [database_of(name) for name in spool.waiting("a", 9, without={"x", "z"})] == ["y", "y"]


def test_the_oldest_age_is_that_of_the_oldest_waiting_batch(open_spool: OpenSpool) -> None:
    spool = open_spool()
    assert spool.oldest_age("a") == 0.0
    spool.put([batch("1")])
    spool.put([batch("2")])
    (first, _) = sorted(files(spool))
    os.utime(first, (first.stat().st_atime, first.stat().st_mtime - 1000))
    assert 1000 <= spool.oldest_age("a") < 1060
    spool.done("a", spool.waiting("a", 1)[0])
    assert spool.oldest_age("a") < 60


# --- several targets


def test_each_target_has_its_own_queue(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b")
    spool.put([batch("1"), batch("2")])
    spool.done("a", spool.waiting("a", 1)[0])
    assert (texts(spool, "a"), texts(spool, "b")) == (["2"], ["1", "2"])


def test_a_batch_takes_room_once_however_many_targets_it_has(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b", "c")
    spool.put([batch("1", size=1000)])
    assert len(files(spool)) == 3
    assert len({path.stat().st_ino for path in files(spool)}) == 1
    size = next(iter(files(spool))).stat().st_size
    for target, left in (("a", size), ("b", size), ("c", 0)):
        spool.done(target, spool.waiting(target, 1)[0])
        assert spool.bytes == left


def test_different_targets_have_different_directories() -> None:
    urls = ["http://a:1", "http://a-1", "http://a/1", "http://A:1", "any", "../any", "", "http://" + "x" * 50]
    assert len({queue_name(url) for url in urls}) == len(urls)
    assert all("/" not in queue_name(url) for url in urls)


# --- after a restart or a crash


def test_waiting_batches_survive_a_restart(open_spool: OpenSpool) -> None:
    before = open_spool("a", "b")
    before.put([batch("1"), batch("2")])
    before.done("a", before.waiting("a", 1)[0])
    size = before.bytes
    after = open_spool("a", "b")
    assert (texts(after, "a"), texts(after, "b"), after.bytes) == (["2"], ["1", "2"], size)
    after.put([batch("3")])
    assert texts(after, "b") == ["1", "2", "3"]


def test_a_half_written_file_that_a_crash_left_behind_is_removed(open_spool: OpenSpool) -> None:
    before = open_spool()
    before.put([batch("1")])
    before.close()
    (before.directory / "new" / "00000000000000000002-cache_stats.batch").write_bytes(b"half")
    after = open_spool()
    assert texts(after) == ["1"]
    assert len(files(after)) == 1


def test_a_crash_between_two_links_loses_no_linked_batch(open_spool: OpenSpool) -> None:
    before = open_spool("a", "b")
    before.put([batch("1")])
    before.close()
    (before.directory / "queue" / queue_name("b") / before.waiting("b", 1)[0]).unlink()
    after = open_spool("a", "b")
    assert (texts(after, "a"), texts(after, "b")) == (["1"], [])
    after.done("a", after.waiting("a", 1)[0])
    assert after.bytes == 0


def test_foreign_files_are_left_alone(open_spool: OpenSpool) -> None:
    before = open_spool()
    before.put([batch("1")])
    for name in ("note.txt", "x.batch", "12-cache_stats.batch"):
        (before.directory / "queue" / queue_name("a") / name).write_text("mine")
    after = open_spool()
    assert texts(after) == ["1"]
    assert len(files(after)) == 4


def test_batches_of_a_target_that_is_no_longer_named_go_to_all_that_are(open_spool: OpenSpool) -> None:
    before = open_spool("old", "kept")
    before.put([batch("1"), batch("2")])
    before.done("kept", before.waiting("kept", 1)[0])
    after = open_spool("kept", "new")
    assert (texts(after, "kept"), texts(after, "new")) == (["1", "2"], ["1", "2"])
    assert {path.name for path in (after.directory / "queue").iterdir()} == {
        queue_name("kept"),
        queue_name("new"),
    }


def test_a_second_process_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tstats.collect.spool import Spool;"
        f"spool = Spool(Path({str(tmp_path)!r}), ['a'], max_bytes=1);"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(
            SpoolError, match=r"in use by another tstats collect; .* set spoolDirectory to another directory"
        ):
            Spool(tmp_path, ["a"], max_bytes=ROOM)
        other.kill()
    with closing(Spool(tmp_path, ["a"], max_bytes=ROOM)) as spool:
        assert spool.waiting("a", 1) == []


# --- full


def test_when_the_room_is_used_up_the_oldest_batches_are_evicted_and_counted(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b", max_bytes=10_000)
    evicted = sum(spool.put([batch(size=2000)]) for _ in range(10))
    left = [int(name.partition("-")[0]) for name in spool.waiting("a", 99)]
    assert left == list(range(11 - len(left), 11))
    assert spool.waiting("a", 99) == spool.waiting("b", 99)
    assert len(left) + evicted == 10
    assert evicted > 0
    sizes = sum(path.stat().st_size for path in files(spool)) // 2
    assert spool.bytes == sizes <= 10_000


def test_a_batch_that_one_target_has_taken_is_evicted_from_the_other_queue(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b", max_bytes=5_000)
    spool.put([batch(size=2000)])
    spool.done("a", spool.waiting("a", 1)[0])
    spool.put([batch(size=2000)])
    spool.put([batch(size=2000)])
    assert spool.bytes <= 5_000
    assert len(spool.waiting("b", 99)) == len(spool.waiting("a", 99))


def test_a_batch_larger_than_the_room_counts_as_evicted(open_spool: OpenSpool) -> None:
    spool = open_spool(max_bytes=1000)
    assert spool.put([batch(size=5000)]) == 1
    assert (spool.bytes, files(spool)) == (0, set())


def failing(code: int) -> Callable[..., None]:
    def fail(*_arguments: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("call", ["fsync", "link"])
@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "No space left on device; free space on that disk, or lower spoolMaxBytes"),
        (errno.EDQUOT, "Disk quota exceeded; raise the quota"),
        (errno.EROFS, "Read-only file system; the file system is read-only; set spoolDirectory"),
        (errno.EIO, "Input/output error; set spoolDirectory to a writable directory"),
    ],
)
def test_a_failed_put_is_an_error_with_a_remedy_and_keeps_nothing(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch, call: str, code: int, remedy: str
) -> None:
    spool = open_spool("a", "b")
    spool.put([batch("1")])
    before = (spool.bytes, files(spool))
    with monkeypatch.context() as disk:
        disk.setattr(os, call, failing(code))
        with pytest.raises(SpoolError) as caught:
            spool.put([batch("2"), batch("3")])
    assert str(caught.value).startswith(f"spool: {spool.directory} cannot take a batch: {remedy}")
    assert (spool.bytes, files(spool)) == before
    assert (texts(spool, "a"), texts(spool, "b")) == (["1"], ["1"])
    spool.put([batch("4")])
    assert texts(open_spool("a", "b")) == ["1", "4"]


def test_a_put_that_fails_halfway_leaves_no_link_behind(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool("a", "b")
    link, left = os.link, [3]

    def full_after_three(*paths: Path) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        link(*paths)

    with monkeypatch.context() as disk:
        disk.setattr(os, "link", full_after_three)
        with pytest.raises(SpoolError, match="No space left"):
            spool.put([batch("1"), batch("2")])
    assert (files(spool), spool.bytes) == (set(), 0)


def test_files_and_directories_are_synced_before_a_batch_counts(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool("a", "b")
    synced: list[str] = []

    def fsync(handle: int) -> None:
        assert spool.depth("a") == 0
        synced.append("file" if stat.S_ISREG(os.fstat(handle).st_mode) else "directory")

    monkeypatch.setattr(os, "fsync", fsync)
    spool.put([batch("1"), batch("2")])
    assert synced == ["file", "file", "directory", "directory"]


def test_a_directory_that_cannot_be_created_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"file/spool cannot be used: Not a directory; set spoolDirectory"):
        Spool(tmp_path / "file" / "spool", ["a"], max_bytes=ROOM)


# --- damaged and rejected


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_damaged_file_is_an_error_that_names_it_and_never_gives_other_points(
    tmp_path: Path, data: st.DataObject
) -> None:
    put = batch("some points " * 50)
    with closing(Spool(tmp_path / "spool", ["a"], max_bytes=ROOM)) as spool:
        spool.put([put])
        (name,) = spool.waiting("a", 1)
        (path,) = files(spool)
        content = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        else:
            del content[data.draw(st.integers(0, len(content) - 1)) :]
        path.write_bytes(content)
        try:
            found: Batch | str = spool.read("a", name)
        except SpoolError as error:
            found = str(error)
        spool.done("a", name)
    if isinstance(found, str):
        assert found.startswith(f"spool: {path} is damaged: ")
    else:
        assert found == put  # some bits of the frame's header have no meaning


def test_a_rejected_batch_is_set_aside_with_the_reason(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b")
    spool.put([batch("1"), batch("2")])
    kept = spool.reject("a", spool.waiting("a", 1)[0], "partial write: field type conflict 🚀")
    assert kept.parent == spool.directory / "rejected"
    assert kept.read_text() == "1"
    assert kept.with_suffix(".reason").read_text() == "partial write: field type conflict 🚀\n"
    assert (texts(spool, "a"), texts(spool, "b")) == (["2"], ["1", "2"])


def test_a_damaged_batch_is_set_aside_as_it_is(open_spool: OpenSpool) -> None:
    spool = open_spool("a", "b")
    spool.put([batch("1")])
    for path in files(spool):
        path.write_bytes(b"garbage")
    kept = spool.reject("a", spool.waiting("a", 1)[0], "damaged")
    assert kept.read_bytes() == b"garbage"
    assert (spool.waiting("a", 1), len(spool.waiting("b", 1))) == ([], 1)


def test_rejecting_an_evicted_batch_says_so_and_leaves_nothing_behind(open_spool: OpenSpool) -> None:
    spool = open_spool()
    spool.put([batch("1")])
    (name,) = spool.waiting("a", 1)
    spool.done("a", name)
    with pytest.raises(FileNotFoundError):
        spool.reject("a", name, "no")
    assert files(spool) == set()


def test_a_second_rejection_never_replaces_the_first_even_after_a_restart(open_spool: OpenSpool) -> None:
    kept = []
    for text in ("1", "2", "3"):
        spool = open_spool("http://127.0.0.1:8086")
        spool.put([batch(text)])
        kept.append(spool.reject("http://127.0.0.1:8086", spool.waiting("http://127.0.0.1:8086", 1)[0], "no"))
    assert [path.read_text() for path in kept] == ["1", "2", "3"]


def test_the_room_for_rejected_batches_is_bounded_and_the_oldest_go_first(open_spool: OpenSpool) -> None:
    spool = open_spool(max_bytes=100_000)  # a tenth of it is for rejected batches
    kept = []
    for number in range(6):
        spool.put([batch(f"{number}", size=2000)])
        kept.append(spool.reject("a", spool.waiting("a", 1)[0], "no"))
        os.utime(kept[-1], (number, number))
    assert [path.exists() for path in kept] == [False] * 4 + [True] * 2
    assert [path.with_suffix(".reason").exists() for path in kept] == [False] * 4 + [True] * 2


def test_a_rejected_batch_that_cannot_be_set_aside_still_waits(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    spool.put([batch("1")])
    monkeypatch.setattr(Path, "write_bytes", failing(errno.ENOSPC))
    with pytest.raises(
        SpoolError, match="cannot set a rejected batch aside: No space left on device; free space"
    ):
        spool.reject("a", spool.waiting("a", 1)[0], "no")
    assert texts(spool) == ["1"]


def test_an_unreadable_file_is_an_error_that_names_it(
    open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    spool.put([batch("1")])
    monkeypatch.setattr(Path, "read_bytes", failing(errno.EIO))
    with pytest.raises(SpoolError, match=r"batch cannot be read: Input/output error"):
        spool.read("a", spool.waiting("a", 1)[0])
