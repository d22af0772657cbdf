"""`tstats collect`: as a daemon, with reloads and a last delivery on stop, or once."""

import contextlib
import ctypes
import gc
import os
from math import inf
from pathlib import Path

from tstats.collect.metrics import CollectorMetrics
from tstats.command import logs, systemd
from tstats.config import loading as config
from tstats.config.settings import Settings
from tstats.daemon.assembly import build_collector
from tstats.daemon.runner import Runner
from tstats.daemon.signals import Signals
from tstats.errors import TstatsError

_LAST_DRAIN = 10.0  # seconds for delivering what waits at a stop; the rest stays in the spool
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h of glibc


def tune_memory() -> None:
    """Adapt Python's memory management to a poll.

    A payload makes 100,000 containers, none of which is in a cycle: searching for cycles less often saves a
    quarter of the CPU. Its large blocks are allocated and freed by several threads: glibc is told to keep few
    heaps, and to return blocks of 4 MiB and more at once (mallopt(3); has no effect elsewhere).
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)
        mallopt(_M_ARENA_MAX, 1)


def run(path: Path, settings: Settings, *, log_format: str | None = None) -> int:
    """Collect until a signal requests a stop.

    Args:
        path: the configuration file, which a reload reads again.
        settings: the current content of the file.
        log_format: overrides the format in the file, also after a reload.

    Returns:
        The exit status: 0 after a requested stop.

    Raises:
        TstatsError: it cannot start.
    """
    tune_memory()
    signals = Signals()
    metrics = CollectorMetrics()
    log = logs.get("daemon")
    runner = Runner(settings, metrics)
    watchdog = systemd.watchdog_interval() or inf
    log.info("started", config=str(path), pid=os.getpid())
    runner.wait_for_inventory()
    systemd.notify("READY=1")
    while not signals.stop:
        if signals.reload:
            signals.reload = False
            systemd.reloading()
            runner = _reloaded(runner, path, metrics, log_format=log_format)
            systemd.notify("READY=1")
        systemd.notify("WATCHDOG=1")
        signals.wait(min(runner.run_due(), watchdog))
    log.info("stopping")
    systemd.notify("STOPPING=1")
    runner.close(drain_seconds=_LAST_DRAIN)
    log.info("stopped")
    return 0


def _reloaded(runner: Runner, path: Path, metrics: CollectorMetrics, *, log_format: str | None) -> Runner:
    """Return a runner with the changed file, or with the old settings if the file cannot be used."""
    log = logs.get("daemon")
    old = runner.settings
    try:
        new = config.load(path, to_collect=True)
        logs.configure(new.logs, log_format or new.log_format)
    except TstatsError as error:
        log.error("reload_refused", error=str(error), remedy="the old configuration stays in use")
        return runner
    runner.close(drain_seconds=0.0)
    try:
        replacement = Runner(new, metrics)
    except TstatsError as error:
        log.error("reload_refused", error=str(error), remedy="the old configuration stays in use")
        logs.configure(old.logs, log_format or old.log_format)
        replacement = Runner(old, metrics)
    else:
        log.info("reloaded", config=str(path))
    replacement.wait_for_inventory()
    return replacement


def once(settings: Settings) -> int:
    """Refresh the inventory, poll each feed of each CDN once, and deliver.

    Returns:
        The exit status: 0 if everything succeeded, otherwise 1; the log says what failed.

    Raises:
        TstatsError: it cannot start.
    """
    tune_memory()
    log = logs.get("collect")
    collector = build_collector(settings, metrics=CollectorMetrics(), log=log)
    try:
        fresh = collector.refresh_inventory()
        polls = [poll.result() for poll in collector.start_polls()]
        behind = [publisher for publisher in collector.publishers if not publisher.drain()]
        lost = sum(publisher.lost for publisher in collector.publishers)
        if not polls:
            log.error("nothing_to_poll", remedy="see the events above")
        if behind:
            log.error("left_in_spool", bytes=collector.spool.bytes, remedy="run again when InfluxDB answers")
    finally:
        collector.close()
    return 0 if fresh and polls and all(polls) and not behind and not lost else 1
