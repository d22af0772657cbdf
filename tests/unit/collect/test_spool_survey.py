"""A survey of a spool says what waits for which target and for how long, and changes nothing."""

import os
import time
from pathlib import Path

import pytest

from tstats.collect.batch import Batch
from tstats.collect.spool import Spool, queue_name
from tstats.collect.spool_survey import survey

LIMIT = 1 << 30
A, B = "http://a:8086", "http://b:8086"


def batch() -> Batch:
    return Batch(database="cache_stats", policy="daily", precision="ms", points=1, lines=b"x value=1 1")


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in [folder, *folder.rglob("*")]
    }


def test_batches_are_counted_by_target_but_only_once_in_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", [A, B], max_bytes=LIMIT)
    spool.put([batch(), batch()])
    spool.done(A, spool.waiting(A, 1)[0])
    spool.close()
    found = survey(tmp_path / "spool", [A, B])
    assert (found.waiting[A].batches, found.waiting[B].batches, found.orphans) == (1, 2, 0)
    assert found.bytes == spool.bytes


def test_the_age_is_that_of_the_oldest_batch(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ["any"], max_bytes=LIMIT)
    spool.put([batch(), batch()])
    oldest = tmp_path / "queue" / queue_name("any") / spool.waiting("any", 1)[0]
    os.utime(oldest, (time.time() - 900, time.time() - 900))
    assert survey(tmp_path, ["any"]).waiting["any"].oldest == pytest.approx(900, abs=60)
    spool.close()


def test_a_batch_for_a_target_that_is_no_longer_named_is_an_orphan(tmp_path: Path) -> None:
    spool = Spool(tmp_path, [A], max_bytes=LIMIT)
    spool.put([batch()])
    spool.close()
    found = survey(tmp_path, [B])
    assert (found.orphans, found.waiting[B].batches) == (1, 0)


def test_rejected_writes_are_counted_and_the_last_reason_is_known(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ["any"], max_bytes=LIMIT)
    spool.put([batch()])
    spool.reject("any", spool.waiting("any", 1)[0], "field type conflict")
    spool.close()
    found = survey(tmp_path, ["any"])
    assert (found.rejected, found.newest_reason) == (1, "field type conflict")


def test_it_is_known_whether_a_collector_uses_the_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path, ["any"], max_bytes=LIMIT)
    assert survey(tmp_path, ["any"]).in_use is True
    spool.close()
    assert survey(tmp_path, ["any"]).in_use is False


def test_a_survey_changes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", ["any"], max_bytes=LIMIT)
    spool.put([batch()])
    before = everything(tmp_path)
    survey(tmp_path / "spool", ["any"])
    assert everything(tmp_path) == before
    spool.put([batch()])
    spool.close()


def test_a_directory_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    found = survey(tmp_path / "a" / "spool", ["any"])
    assert (found.exists, found.writable) == (False, True)
    assert found.free > 0
    assert everything(tmp_path).keys() == {str(tmp_path)}


def test_a_file_in_place_of_the_directory_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("")
    assert survey(tmp_path / "spool", ["any"]).writable is False
