"""The collector: polls the feeds of the current inventory, and says what is wrong.

It has no schedule: its caller (the daemon, or `--once`) decides when to refresh, poll and publish.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial

import structlog

from tstats.collect.inventory import InventoryKeeper
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.poll import FeedSource, Poller
from tstats.collect.publish import Publisher
from tstats.collect.spool import Spool
from tstats.traffic_control.inventory import Inventory

_MAX_POLLS = 64
# A slow monitor must not delay the next poll: a poll gives up before the next begins.
_SHARE_OF_INTERVAL = 0.9


class Collector:
    """Polls and delivers with one set of settings, until a reload replaces it.

    Args:
        inventory: says what to poll.
        poller: polls and spools.
        spool: where batches wait; owned, like the inventory and the publishers: closed by `close`.
        publishers: deliver the batches.
        polling_interval: seconds from one poll of a feed to the next.
        publishing_interval: seconds from one delivery to the next.
        metrics: the counters; outlive a reload.
        log: gets the events.
    """

    def __init__(
        self,
        *,
        inventory: InventoryKeeper,
        poller: Poller,
        spool: Spool,
        publishers: Sequence[Publisher],
        polling_interval: int,
        publishing_interval: int,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self.spool = spool
        self.publishers = publishers
        self._inventory = inventory
        self._poller = poller
        self._polling_interval = polling_interval
        self._publishing_interval = publishing_interval
        self._metrics = metrics
        self._log = log
        self._polled: Inventory | None = None  # the inventory that the sources are from
        self._sources: list[FeedSource] = []
        self._running: dict[tuple[str, str], Future[bool]] = {}
        self._mutex = threading.Lock()
        self._executor = ThreadPoolExecutor(_MAX_POLLS, thread_name_prefix="poll")
        metrics.spool_bytes.set_function(lambda: spool.bytes)
        for publisher in publishers:
            metrics.spool_age.labels(publisher.target).set_function(
                partial(spool.oldest_age, publisher.target)
            )

    @property
    def has_inventory(self) -> bool:
        """Whether an inventory says what to poll."""
        return self._polled is not None

    def refresh_inventory(self) -> bool:
        """Refresh the inventory, and poll according to it from now on.

        Returns:
            Whether Traffic Ops provided an inventory.
        """
        fresh = self._inventory.refresh()
        if self._inventory.current is not None:
            self._use(self._inventory.current)
        return fresh

    def start_polls(self) -> list[Future[bool]]:
        """Start a poll of every feed whose previous poll has ended; count the others as skipped.

        Returns:
            The polls that were started; each gives whether its points are in the spool.
        """
        seconds = self._polling_interval * _SHARE_OF_INTERVAL
        started = []
        with self._mutex:
            sources = self._sources
        for source in sources:
            previous = self._running.get(source.key)
            if previous is not None and not previous.done():
                self._metrics.polls.labels(*source.key, "skipped").inc()
                self._log.warning("poll_skipped", cdn=source.cdn, feed=source.feed)
                continue
            poll = self._executor.submit(self._poll, source, seconds)
            self._running[source.key] = poll
            started.append(poll)
        return started

    def finish_polls(self) -> None:
        """Wait until every poll has ended; each ends within its interval."""
        wait(list(self._running.values()))

    def problems(self) -> list[str]:
        """Return messages about what is wrong now; none when all is well."""
        wrong = []
        ages = self._metrics.poll_ages()
        with self._mutex:
            sources = self._sources
        if not sources:
            wrong.append("there is no monitor to poll")
        for source in sources:
            age = ages.get(source.key)
            if age is None or age > 3 * self._polling_interval:
                since = "no good poll yet" if age is None else f"last good poll {age:.0f} s ago"
                wrong.append(f"{source.cdn} {source.feed}: {since}")
        for publisher in self.publishers:
            age = self.spool.oldest_age(publisher.target)
            if age > 3 * self._publishing_interval:
                wrong.append(f"{publisher.target}: a batch has been waiting for {age:.0f} s")
        return wrong

    def close(self) -> None:
        """Finish the polls and close all connections; undelivered batches stay in the spool."""
        self.finish_polls()
        self._executor.shutdown()
        for source in self._sources:
            source.monitors.close()
        for publisher in self.publishers:
            publisher.close()
        self._inventory.close()
        self.spool.close()

    def _poll(self, source: FeedSource, seconds: float) -> bool:
        try:
            return self._poller.poll(source, seconds=seconds)
        except Exception:  # noqa: BLE001 (logged with its traceback)
            # A bug that breaks one poll must neither end the others nor go unnoticed.
            self._log.exception("poll_crashed", cdn=source.cdn, feed=source.feed)
            self._metrics.polls.labels(*source.key, "failed").inc()
            return False

    def _use(self, inventory: Inventory) -> None:
        """Poll according to an inventory; the same one keeps the sources, which remember who answered."""
        if inventory == self._polled:
            return
        self._polled = inventory
        sources = self._poller.sources(inventory)
        self._metrics.forget_polls({source.key for source in sources})
        with self._mutex:
            self._sources = sources
        self._log.info(
            "inventory", cdns=len(inventory.monitors), servers=len(inventory.caches), pollers=len(sources)
        )
