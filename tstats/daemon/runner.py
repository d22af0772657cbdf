"""Runs a collector: its schedule and its threads, until a stop or a reload."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack

from tstats.collect.metrics import CollectorMetrics
from tstats.collect.publish import Publisher
from tstats.command import logs
from tstats.config.settings import Settings
from tstats.core.time import SECOND
from tstats.daemon.assembly import build_collector, build_exposition, build_upkeep
from tstats.daemon.schedule import Timer

_UPKEEP_PAUSE = 5.0  # seconds between two looks at what is due besides collecting
_FIRST_INVENTORY = 5 * SECOND  # between two attempts while no inventory is known


class Runner:
    """Runs a collector: polls and inventories on schedule, publishers and upkeep in threads of their own.

    The constructor starts the threads; `close` ends them.

    Args:
        settings: validated settings.
        metrics: the counters; outlive a reload.

    Raises:
        TstatsError: it cannot start.
    """

    def __init__(self, settings: Settings, metrics: CollectorMetrics) -> None:
        self.settings = settings
        self._log = logs.get("collect")
        with ExitStack() as on_failure:
            self._upkeep = build_upkeep(settings, metrics=metrics, log=logs.get("upkeep"))
            on_failure.callback(self._upkeep.close)
            self._collector = build_collector(
                settings, metrics=metrics, log=self._log, on_delivered=self._upkeep.note_delivered
            )
            on_failure.callback(self._collector.close)
            self._exposition = build_exposition(settings, metrics=metrics, problems=self._collector.problems)
            on_failure.pop_all()
        if self._exposition is not None:
            self._log.info("metrics", url=f"{self._exposition.url}/metrics")
        self._poll_timer = Timer(settings.polling_interval * SECOND, due=0, aligned=True)
        self._refresh_timer = Timer(settings.config_interval * SECOND, due=0)
        self._refresher = ThreadPoolExecutor(1, thread_name_prefix="inventory")
        self._refresh: Future[bool] | None = self._refresher.submit(self._collector.refresh_inventory)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._publish, args=(publisher,), name=f"publish {publisher.target}")
            for publisher in self._collector.publishers
        ]
        for thread in self._threads:
            thread.start()
        # A repair can take minutes, which no stop waits for: what it leaves undone is found again.
        threading.Thread(target=self._keep_up, name="upkeep", daemon=True).start()

    def wait_for_inventory(self) -> None:
        """Wait for the end of the first refresh, but no longer than a polling interval; polls follow."""
        if self._refresh is not None:
            wait([self._refresh], timeout=self.settings.polling_interval)
        self._poll_timer.restart(time.time_ns())

    def run_due(self) -> float:
        """Start what is due and return the seconds until something else is due."""
        now = time.time_ns()
        if self._poll_timer.is_due(now):
            self._collector.start_polls()
        if self._refresh is not None and self._refresh.done():
            if crash := self._refresh.exception():
                self._log.error("inventory_crashed", exc_info=crash)
            self._refresh = None
            pause = self.settings.config_interval * SECOND
            self._refresh_timer.restart(
                now, pause if self._collector.has_inventory else min(pause, _FIRST_INVENTORY)
            )
        if self._refresh is None and self._refresh_timer.is_due(now):
            self._refresh = self._refresher.submit(self._collector.refresh_inventory)
        due = self._poll_timer.due
        if self._refresh is None:
            due = min(due, self._refresh_timer.due)
        return max(0, due - time.time_ns()) / SECOND

    def close(self, *, drain_seconds: float) -> None:
        """Finish the polls, deliver what waits for at most this time, and close everything."""
        self._refresher.shutdown()
        self._collector.finish_polls()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        until = time.monotonic() + drain_seconds
        if [publisher for publisher in self._collector.publishers if not publisher.drain(until=until)]:
            self._log.warning(
                "left_in_spool", bytes=self._collector.spool.bytes, remedy="sent at the next start"
            )
        if self._exposition is not None:
            self._exposition.close()
        self._collector.close()

    def _keep_up(self) -> None:
        self._upkeep.check_database()
        while not self._stop.wait(_UPKEEP_PAUSE):
            try:
                self._upkeep.run_due()
            except Exception:  # noqa: BLE001 (logged with its traceback)
                # A bug must neither end the upkeep for good nor go unnoticed.
                self._log.exception("upkeep_crashed")
        self._upkeep.close()

    def _publish(self, publisher: Publisher) -> None:
        while not self._stop.is_set():
            try:
                publisher.drain(stop=self._stop)
            except Exception:  # noqa: BLE001 (logged with its traceback)
                # A bug must neither end publishing for good nor go unnoticed.
                self._log.exception("publish_crashed", target=publisher.target)
            self._stop.wait(self.settings.publishing_interval)
