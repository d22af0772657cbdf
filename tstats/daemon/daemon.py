"""`tstats collect` as a daemon: the schedule, signals, reloads, and the drain on stop."""

import contextlib
import ctypes
import gc
import os
import select
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from math import inf
from pathlib import Path
from types import FrameType

from tstats.collect.collector import Collection
from tstats.collect.exposition import Exposition
from tstats.collect.publish import Publisher
from tstats.collect.telemetry import Telemetry
from tstats.command import logs, systemd
from tstats.config import loading as config
from tstats.config.settings import Settings
from tstats.daemon.upkeep import Upkeep
from tstats.errors import TstatsError

_LAST_DRAIN = 10.0  # seconds for what still waits at the end; the rest stays in the spool
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h of glibc
_CHORES = 5.0  # seconds between two looks at what else is due
_FIRST_INVENTORY = 5.0  # seconds between two tries while none is known


class _Signals:
    """What the operating system asked for.

    The handlers set no `threading.Event`: its lock may be held by the very code that a signal interrupts, and
    the process would wait for itself. A byte in a pipe, written by the interpreter, ends the waiting instead.
    """

    def __init__(self) -> None:
        self.stop = False
        self.reload = False
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)

    def wait(self, seconds: float) -> None:
        """Until a signal comes, for so many seconds at most."""
        select.select([self._reader], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 1024)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stop:
            os._exit(128 + number)
        self.stop = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True


class _Running:
    """A collection with its publishers' threads and its place in the schedule."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.log = logs.get("collect")
        self._upkeep = Upkeep(settings, telemetry=telemetry, log=logs.get("upkeep"))
        self.collection = Collection(settings, telemetry=telemetry, log=self.log, on_taken=self._upkeep.taken)
        self._stop = threading.Event()
        self._inventory = ThreadPoolExecutor(1, thread_name_prefix="inventory")
        self._exposition = None
        try:
            if settings.metrics_bind:
                host, port = config.bind_address(settings.metrics_bind, "metricsBind")
                self._exposition = Exposition(
                    host, port, registry=telemetry.registry, problems=self.collection.problems
                )
        except TstatsError:
            self._inventory.shutdown()
            self.collection.close()
            raise
        self._refresh: Future[bool] | None = self._inventory.submit(self.collection.refresh_inventory)
        self._next_refresh = 0.0
        self._next_poll = 0.0
        self._threads = [
            threading.Thread(target=self._publish, args=(publisher,), name=f"publish {publisher.target}")
            for publisher in self.collection.publishers
        ]
        for thread in self._threads:
            thread.start()
        # A repair can take minutes, which no stop waits for: what it leaves is found again.
        threading.Thread(target=self._keep_up, name="upkeep", daemon=True).start()

    def wait_for_inventory(self) -> None:
        """Until the first inventory is there or has failed, for a poll's time at most."""
        if self._refresh is not None:
            wait([self._refresh], timeout=self.collection.settings.polling_interval)

    def due(self) -> float:
        """Do what is due; seconds until something is due again."""
        settings = self.collection.settings
        now = time.time()
        if now >= self._next_poll or self._next_poll - now > settings.polling_interval:  # or set back
            if self._next_poll:
                self.collection.start_polls()
            self._next_poll = (now // settings.polling_interval + 1) * settings.polling_interval
        if self._refresh is not None and self._refresh.done():
            if crash := self._refresh.exception():
                self.log.error("inventory_crashed", exc_info=crash)
            self._refresh = None
            known = self.collection.has_inventory
            self._next_refresh = now + min(settings.config_interval, inf if known else _FIRST_INVENTORY)
        if self._refresh is None and now >= self._next_refresh:
            self._refresh = self._inventory.submit(self.collection.refresh_inventory)
        following = self._next_poll if self._refresh else min(self._next_poll, self._next_refresh)
        return max(0.0, following - time.time())

    def close(self, *, drain_seconds: float) -> None:
        """End the polls that run, deliver what waits for so long, and give everything back."""
        self._inventory.shutdown()
        self.collection.finish_polls()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        until = time.monotonic() + drain_seconds
        if [publisher for publisher in self.collection.publishers if not publisher.drain(until=until)]:
            self.log.warning(
                "left_in_spool", bytes=self.collection.spool.bytes, remedy="sent at the next start"
            )
        if self._exposition is not None:
            self._exposition.close()
        self.collection.close()

    def _keep_up(self) -> None:
        self._upkeep.check_database()
        while not self._stop.wait(_CHORES):
            try:
                self._upkeep.turn()
            except Exception:
                # A fault of ours must not end the chores for good, nor go unseen.
                self.log.exception("upkeep_crashed")
        self._upkeep.close()

    def _publish(self, publisher: Publisher) -> None:
        while not self._stop.is_set():
            try:
                publisher.drain(stop=self._stop)
            except Exception:
                # A fault of ours must not end publishing for good, nor go unseen.
                self.log.exception("publish_crashed", target=publisher.target)
            self._stop.wait(self.collection.settings.publishing_interval)


def tune_memory() -> None:
    """Fit Python's memory to what a poll does with it.

    A payload makes 100,000 containers, none of them in a cycle: looking for cycles seldom saves a quarter of
    the CPU. Its large blocks come and go in several threads: glibc is told to keep few heaps, and to give
    blocks of 4 MiB and more back at once (mallopt(3); elsewhere nothing happens).
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)
        mallopt(_M_ARENA_MAX, 1)


def run(path: Path, settings: Settings, *, log_format: str | None = None) -> int:
    """Collect until a signal ends it.

    Args:
        path: the file that a reload reads again.
        settings: what it says now.
        log_format: overrides what the file says, also after a reload.

    Returns:
        0 after a stop that was asked for.

    Raises:
        TstatsError: it cannot start.
    """
    tune_memory()
    signals = _Signals()
    telemetry = Telemetry()
    log = logs.get("daemon")
    running = _Running(settings, telemetry)
    watchdog = systemd.watchdog_interval() or inf
    log.info("started", config=str(path), pid=os.getpid())
    running.wait_for_inventory()
    systemd.notify("READY=1")
    while not signals.stop:
        if signals.reload:
            signals.reload = False
            systemd.reloading()
            running = _reloaded(running, path, telemetry, log_format=log_format)
            systemd.notify("READY=1")
        systemd.notify("WATCHDOG=1")
        signals.wait(min(running.due(), watchdog))
    log.info("stopping")
    systemd.notify("STOPPING=1")
    running.close(drain_seconds=_LAST_DRAIN)
    log.info("stopped")
    return 0


def _reloaded(running: _Running, path: Path, telemetry: Telemetry, *, log_format: str | None) -> _Running:
    """The collection of the changed file, or the old one again where the file cannot be used."""
    log = logs.get("daemon")
    old = running.collection.settings
    try:
        new = config.load(path, to_collect=True)
        logs.configure(new.logs, log_format or new.log_format)
    except TstatsError as error:
        log.error("reload_refused", error=str(error), remedy="the old configuration stays in use")
        return running
    running.close(drain_seconds=0.0)
    try:
        replaced = _Running(new, telemetry)
    except TstatsError as error:
        log.error("reload_refused", error=str(error), remedy="the old configuration stays in use")
        logs.configure(old.logs, log_format or old.log_format)
        replaced = _Running(old, telemetry)
    else:
        log.info("reloaded", config=str(path))
    replaced.wait_for_inventory()
    return replaced


def once(settings: Settings) -> int:
    """One inventory, one poll of each feed of each CDN, and publish.

    Returns:
        0 when every part succeeded, else 1; the log says which did not.

    Raises:
        TstatsError: it cannot start.
    """
    tune_memory()
    log = logs.get("collect")
    collection = Collection(settings, telemetry=Telemetry(), log=log)
    try:
        fresh = collection.refresh_inventory()
        polls = [poll.result() for poll in collection.start_polls()]
        behind = [publisher for publisher in collection.publishers if not publisher.drain()]
        lost = sum(publisher.lost for publisher in collection.publishers)
        if not polls:
            log.error("nothing_to_poll", remedy="see the events above")
        if behind:
            log.error("left_in_spool", bytes=collection.spool.bytes, remedy="run again when InfluxDB answers")
    finally:
        collection.close()
    return 0 if fresh and polls and all(polls) and not behind and not lost else 1
