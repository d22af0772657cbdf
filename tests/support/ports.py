"""Loopback ports for servers that cannot choose one themselves, and one where nobody answers."""

import itertools
import os
import random
import socket
from collections.abc import Callable
from typing import TypeVar

import psutil

Started = TypeVar("Started")

_BLOCK = 8  # as many as a simulator of two CDNs needs
# Below the ports that Linux gives to outgoing connections, which could take one before its server does.
_BLOCKS = range(15_000, 32_000, _BLOCK)
_ATTEMPTS = 10
# Each process starts its search at a different place.
_turns = itertools.count(random.Random(os.getpid()).randrange(len(_BLOCKS)))
_locks: list[socket.socket] = []  # held until this process ends


def _refusing() -> socket.socket:
    """Return a socket that holds a port without listening, so that connections to it are refused."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


_HELD = _refusing()
NOBODY_PORT: int = _HELD.getsockname()[1]
NOBODY = f"http://127.0.0.1:{NOBODY_PORT}"
"""A URL at which nobody answers, as long as this process runs."""


def reserve() -> range:
    """Return a block of eight consecutive ports that are free, and that no other test process will get.

    The reservation also covers the time in which a server is stopped to be started again. It does not bind
    programs other than these tests: start servers with `on_free_ports`.
    """
    for turn in itertools.islice(_turns, len(_BLOCKS)):
        start = _BLOCKS[turn % len(_BLOCKS)]
        block = range(start, start + _BLOCK)
        if _locked(start) and all(map(_is_free, block)):
            return block
    raise RuntimeError(f"no free ports from {_BLOCKS.start} to {_BLOCKS.stop}")


def on_free_ports(start: Callable[[range], Started]) -> Started:
    """Return what `start` returns, called with other ports as long as another program is faster to take one.

    Args:
        start: starts a server on these ports; its error says "address already in use" when one is taken.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return start(reserve())
        except Exception as error:
            if "address already in use" not in str(error).lower():
                raise
    return start(reserve())


def listening_ports(process: int) -> list[int]:
    """Return the TCP ports on which a process listens, to find the one that it took for port 0."""
    connections = psutil.Process(process).net_connections("tcp")
    return [found.laddr.port for found in connections if found.status == psutil.CONN_LISTEN]


def _locked(start: int) -> bool:
    """Lock a block against other test processes; the name vanishes with the process that holds it."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0tstats-tests-ports-{start}")
    except OSError:
        lock.close()
        return False
    _locks.append(lock)
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
