"""systemd gets our state if it asks for it; without systemd nothing happens."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tstats.command import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Systemd's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield receiver


def test_states_arrive_as_lines_of_one_datagram(manager: socket.socket) -> None:
    systemd.notify("READY=1", "STATUS=collecting")
    assert manager.recv(1000) == b"READY=1\nSTATUS=collecting"


def test_an_abstract_socket_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0tstats-test-{os.getpid()}")
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@tstats-test-{os.getpid()}")
        systemd.notify("READY=1")
        assert receiver.recv(100) == b"READY=1"


def test_a_reload_says_when_it_began(manager: socket.socket) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    systemd.reloading()
    state, _, moment = manager.recv(1000).decode().partition("\n")
    assert state == "RELOADING=1"
    assert before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= before + 60_000_000


@pytest.mark.parametrize("address", [None, "", "/nonexistent/notify"])
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.notify("READY=1")


MINE = "mine"  # this process


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("30000000", MINE, 15.0),
        ("30000000", None, 15.0),
        ("30000000", "1", None),
        (None, None, None),
        ("", MINE, None),
        ("0", MINE, None),
        ("soon", MINE, None),
        ("-5", MINE, None),
    ],
)
def test_keep_alives_come_twice_as_often_as_systemd_requires(
    monkeypatch: pytest.MonkeyPatch, microseconds: str | None, process: str | None, seconds: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", microseconds), ("WATCHDOG_PID", process)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, str(os.getpid()) if value == MINE else value)
    assert systemd.watchdog_interval() == seconds
