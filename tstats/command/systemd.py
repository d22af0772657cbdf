"""Reports our state to systemd if it started us (Type=notify); otherwise does nothing.

Source: sd_notify(3): datagrams of `NAME=value` lines to the socket in NOTIFY_SOCKET.
"""

import contextlib
import os
import socket
import time


def notify(*states: str) -> None:
    """Send states such as `READY=1`; do nothing without systemd, or when its socket fails."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address[0] == "@":  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto("\n".join(states).encode(), address)


def reloading() -> None:
    """Report that a reload has begun; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval() -> float | None:
    """Return the seconds between two keep-alives, half of what systemd allows; None when it wants none."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000 or None
