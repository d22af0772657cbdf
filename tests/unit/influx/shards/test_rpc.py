"""The backup port: what a client does when the other side is slow, broken, hostile, or something else."""

import socket
import threading
from pathlib import Path

import pytest

from tests.support.backup_server import BackupServer, sends
from tstats.errors import (
    BrokenStreamError,
    ConfigError,
    RefusedError,
    ServerError,
    SlowError,
    TstatsError,
    UnreachableError,
)
from tstats.influx.shards import archive
from tstats.influx.shards.address import BackupAddress
from tstats.influx.shards.archive import ShardPath
from tstats.influx.shards.rpc import Backup, BackupFile, BackupPort

PATH = ShardPath("db", "rp", 7)
NAME = "000000001-000000001.tsm"
PLENTY = 10**9


def member(content: bytes, *, path: ShardPath = PATH, name: str = NAME) -> bytes:
    header = archive.header_of(path, name, len(content), modified=1)
    return header + content + bytes(-len(content) % archive.BLOCK)


def backed_up(folder: Path, *answer: bytes, most_bytes: int = PLENTY) -> Backup:
    with BackupServer(sends(*answer)) as server:
        return BackupPort(server.address, timeout=5).backup(7, folder, most_bytes=most_bytes)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("localhost:8088", "localhost", 8088), ("[::1]:80", "::1", 80), ("10.0.0.1:65535", "10.0.0.1", 65_535)],
)
def test_addresses(text: str, host: str, port: int) -> None:
    address = BackupAddress.parse(text)
    assert (address.host, address.port, str(address)) == (host, port, text)


@pytest.mark.parametrize(
    "text", ["", "a", "a:", ":1", "a:0", "a:65536", "::1:80", "http://a:80", "a:b", "a:1/x", "a b:1"]
)
def test_invalid_addresses(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write localhost:8088 or \[::1\]:8088"):
        BackupAddress.parse(text)


def test_files_are_saved_and_others_skipped(tmp_path: Path) -> None:
    passed: list[int] = []
    content = (
        member(b"first" * 200)
        + member(b"x", name="fields.idx")
        + member(b"", name="000000001-000000001.tombstone")
        + archive.END
    )
    with BackupServer(sends(*[content[at : at + 100] for at in range(0, len(content), 100)])) as server:
        port = BackupPort(server.address, throttle=passed.append)
        backup = port.backup(7, tmp_path, most_bytes=PLENTY, since=1_500_000_000_000_000_001)
    assert server.requests == [b'\3\0{"Type":0,"ShardID":7,"Since":"2017-07-14T02:40:00.000000001Z"}\n']
    assert (backup.path, backup.tombstones) == (PATH, True)
    assert [(file.name, file.path.read_bytes(), file.size) for file in backup.files] == [
        (NAME, b"first" * 200, 1_000),
        ("000000001-000000001.tombstone", b"", 0),
    ]
    assert sum(passed) == len(content)


def test_an_empty_archive_means_nothing_changed(tmp_path: Path) -> None:
    assert backed_up(tmp_path, archive.END) == Backup(path=None, files=())


@pytest.mark.parametrize("cut", [512, 700, 1_536, 1_700, 2_048, 2_100])
def test_a_truncated_archive_is_an_error(tmp_path: Path, cut: int) -> None:
    content = member(bytes(1_000)) + archive.END
    with pytest.raises(BrokenStreamError, match=f"shard 7: the backup ended after {cut} bytes, incomplete"):
        backed_up(tmp_path, content[:cut])


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 600, b"SSH-2.0-OpenSSH_9.2\r\n" * 40]
)
def test_something_else_is_named(tmp_path: Path, answer: bytes) -> None:
    with pytest.raises(ServerError, match=r"127.0.0.1:\d+, shard 7: not the backup port .*bind-address"):
        backed_up(tmp_path, answer)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (member(b"x") + b"\xff" * 512, "an invalid archive"),
        (member(b"x") + bytes(512) + member(b"y"), "it goes on after its end"),
        (member(b"x") + archive.END + b"x", "something after the end"),
        (member(b"x", path=ShardPath("db", "rp", 8)), "sent files of db/rp/8 for shard 7"),
        (member(b"x") + member(b"x", path=ShardPath("db", "other", 7)), "sent files of db/other/7"),
        (member(bytes(600)) + member(bytes(600)), "more than 1000 bytes"),
        (archive.header_of(PATH, NAME, 2**50, modified=1), "more than 1000 bytes"),
    ],
)
def test_a_hostile_archive(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(ServerError, match=problem):
        backed_up(tmp_path, content, most_bytes=1_000)


def test_a_file_that_comes_twice_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(TstatsError, match="cannot be written: File exists"):
        backed_up(tmp_path, member(b"x") + member(b"y") + archive.END)


def test_nothing_from_a_server_with_other_shards(tmp_path: Path) -> None:
    def answer(connection: socket.socket) -> None:
        if server.requests[-1][1] == 3:
            connection.sendall(b'{"Paths":["db/rp/1"]}\n')

    with BackupServer(answer) as server, pytest.raises(RefusedError, match="has no shard 7"):
        BackupPort(server.address).backup(7, tmp_path, most_bytes=PLENTY)


@pytest.mark.parametrize("began", [b"", b"db/rp/7"])
def test_hardly_anything_from_a_server_with_the_shard(tmp_path: Path, began: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b'{"Paths":["db/rp/7"]}\n' if server.requests[-1][1] == 3 else began)

    with BackupServer(answer) as server, pytest.raises(UnreachableError, match="sent nothing of shard 7"):
        BackupPort(server.address).backup(7, tmp_path, most_bytes=PLENTY)


def test_nothing_from_something_else(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match=r"not the backup port of an InfluxDB 1.x \(it sent nothing\)"):
        backed_up(tmp_path)


@pytest.mark.parametrize(("began", "kind"), [(b"", SlowError), (b"x", BrokenStreamError)])
def test_a_server_that_stalls(tmp_path: Path, began: bytes, kind: type[Exception]) -> None:
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        connection.sendall(began)
        over.wait(10)

    with BackupServer(answer) as server:
        with pytest.raises(kind, match=r"sent nothing for 0.1 s"):
            BackupPort(server.address, timeout=0.1).backup(7, tmp_path, most_bytes=PLENTY)
        over.set()


def test_nobody_there(tmp_path: Path) -> None:
    with BackupServer(sends()) as server:
        address = server.address
    with pytest.raises(UnreachableError, match=r"cannot be reached: .*bind-address.*ssh -L"):
        BackupPort(address).backup(7, tmp_path, most_bytes=PLENTY)


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"Paths": 5}', b'{"Paths": ["x"]}', b'{"Paths": [5]}', b"HTTP/1.1"]
)
def test_no_list_of_shards(answer: bytes) -> None:
    with BackupServer(sends(answer)) as server, pytest.raises(ServerError, match="not the backup port"):
        BackupPort(server.address).shards()


@pytest.mark.parametrize("paths", [b"null", b"[]"])
def test_no_shards(paths: bytes) -> None:
    with BackupServer(sends(b'{"Paths":' + paths + b"}")) as server:
        assert BackupPort(server.address).shards("db") == []


def upload(folder: Path, content: bytes, name: str = NAME) -> BackupFile:
    path = folder / "made.tsm"
    path.write_bytes(content)
    return BackupFile(name=name, path=path, size=len(content))


def test_an_upload_ends_with_its_archive(tmp_path: Path) -> None:
    content = b"tsm" * 1_000
    whole = b"\3\7" + (7).to_bytes(8) + member(content) + archive.END
    rest: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        connection.settimeout(5)
        left = len(whole) - len(server.requests[0])
        while left:
            rest.append(connection.recv(left))
            left -= len(rest[-1])

    with BackupServer(answer) as server:
        assert BackupPort(server.address).update(PATH, [upload(tmp_path, content)])
    sent = server.requests[0] + b"".join(rest)
    header = slice(10, 10 + archive.BLOCK)  # holds the time of the file
    assert sent[:10] + sent[header.stop :] == whole[:10] + whole[header.stop :]


def test_an_upload_that_is_not_taken_is_given_up_soon(tmp_path: Path) -> None:
    over = threading.Event()

    def answer(_connection: socket.socket) -> None:
        over.wait(10)

    with BackupServer(answer) as server:
        with pytest.raises(
            BrokenStreamError, match=r"took only \d+ bytes of an upload to db/rp/7: timed out"
        ):
            BackupPort(server.address, send_timeout=0.1).update(PATH, [upload(tmp_path, bytes(10**8))])
        over.set()


def test_an_upload_without_an_answer_is_no_error(tmp_path: Path) -> None:
    over = threading.Event()

    def answer(_connection: socket.socket) -> None:
        over.wait(10)

    with BackupServer(answer) as server:
        assert not BackupPort(server.address, timeout=0.1).update(PATH, [upload(tmp_path, b"x")])
        over.set()


def test_what_cannot_be_uploaded_is_not_begun(tmp_path: Path) -> None:
    good = upload(tmp_path, b"x")
    with BackupServer(sends()) as server:
        port = BackupPort(server.address)
        for name in ("x.tsm", "../000000001-000000001.tsm", "000000001-000000001.tombstone"):
            with pytest.raises(TstatsError, match="not the name of a TSM file"):
                port.update(PATH, [BackupFile(name=name, path=good.path, size=1)])
        with pytest.raises(TstatsError, match="is missing, or not 2 bytes long"):
            port.update(PATH, [BackupFile(name=NAME, path=good.path, size=2)])
        assert server.requests == []
