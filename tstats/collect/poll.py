"""Traffic Monitor → spool: the feeds to poll according to an inventory, and their polls."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from tstats import catalog
from tstats.collect.batch import Batch
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading
from tstats.collect.metrics import CollectorMetrics
from tstats.collect.spool import Spool
from tstats.core.time import MILLISECOND
from tstats.errors import ServerError, SpoolError
from tstats.traffic_control.inventory import Inventory
from tstats.traffic_control.traffic_monitor import FEEDS, Feed, MonitorGroup

_PRECISION = "ms"


@dataclass(frozen=True, kw_only=True)
class FeedSource:
    """A feed of a CDN. Not thread-safe: monitors and reader keep state from poll to poll.

    Attributes:
        cdn, feed: what is polled.
        monitors: the monitors to ask.
        reader: turns payloads into points.
        database, policy: the destination of the points.
    """

    cdn: str
    feed: Feed
    monitors: MonitorGroup
    reader: CacheFeed | DeliveryServiceFeed
    database: str
    policy: str

    @property
    def key(self) -> tuple[str, str]:
        """The CDN and the feed."""
        return self.cdn, self.feed


class Poller:
    """Polls feeds and puts their points into the spool.

    Args:
        spool: takes the batches.
        send: delivers a batch that the disk cannot take, and returns whether that worked.
        policies: the retention policy to write to, by database; empty is the database's default policy.
        batch_points: the largest number of points in a batch.
        metrics: the counters.
        log: gets the outcome of each poll.
        clock: returns ns since the epoch.
    """

    def __init__(
        self,
        *,
        spool: Spool,
        send: Callable[[Batch], bool],
        policies: Mapping[str, str],
        batch_points: int,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._spool = spool
        self._send = send
        self._policies = policies
        self._batch_points = batch_points
        self._metrics = metrics
        self._log = log
        self._clock = clock

    def sources(self, inventory: Inventory) -> list[FeedSource]:
        """Return each feed of each CDN that has a monitor, if there are stats to ask for."""
        return [
            self._source(inventory, cdn, feed)
            for cdn in sorted(inventory.monitors)
            for feed in FEEDS
            if _stats(inventory, feed)
        ]

    def poll(self, source: FeedSource, *, seconds: float) -> bool:
        """Ask the monitors and spool the points.

        Args:
            source: what to poll.
            seconds: the time for all its monitors together.

        Returns:
            Whether the points are in the spool; if not, the reason is in the log.
        """
        cdn, feed = source.key
        log = self._log.bind(cdn=cdn, feed=feed)
        oldest = (self._clock() - catalog.MAX_SAMPLE_AGE) // MILLISECOND
        started = time.monotonic()
        try:
            monitor, reading = source.monitors.ask(
                lambda body: source.reader.read(body, oldest=oldest, most=self._batch_points), seconds=seconds
            )
        except ServerError as error:
            self._metrics.polls.labels(cdn, feed, "failed").inc()
            log.error("poll_failed", error=str(error))
            return False
        batches = _batches(source, reading)
        try:
            evicted = self._spool.put(batches)
        except SpoolError as error:
            self._metrics.polls.labels(cdn, feed, "failed").inc()
            log.error("spool_failed", error=str(error))
            sent = sum(batch.points for batch in batches if self._send(batch))
            log.warning("sent_without_spool", points=sent, of=reading.points)
            return False
        if evicted:
            self._report_evicted(evicted)
        self._report(log.bind(monitor=monitor), source, reading)
        log.info(
            "collected",
            monitor=monitor,
            points=reading.points,
            newest=reading.newest,
            seconds=round(time.monotonic() - started, 3),
        )
        return True

    def _source(self, inventory: Inventory, cdn: str, feed: Feed) -> FeedSource:
        def report(url: str, reason: str) -> None:
            self._log.warning("monitor_failed", cdn=cdn, feed=feed, monitor=url, error=reason)

        reader: CacheFeed | DeliveryServiceFeed
        if feed == "CacheStats":
            database, reader = catalog.CACHE_STATS, CacheFeed(cdn, inventory.caches)
        else:
            database, reader = catalog.DELIVERYSERVICE_STATS, DeliveryServiceFeed(cdn)
        return FeedSource(
            cdn=cdn,
            feed=feed,
            monitors=MonitorGroup(
                inventory.monitors[cdn], feed=feed, stats=_stats(inventory, feed), on_failed=report
            ),
            reader=reader,
            database=database,
            policy=self._policies[database],
        )

    def _report(self, log: structlog.stdlib.BoundLogger, source: FeedSource, reading: Reading) -> None:
        cdn, feed = source.key
        self._metrics.poll_succeeded(cdn, feed)
        self._metrics.points.labels(source.database).inc(reading.points)
        for reason, count in reading.dropped.items():
            self._metrics.bad_samples.labels(cdn, feed, reason).inc(count)
        if reading.dropped:
            log.warning("bad_samples", counts=dict(reading.dropped), examples=reading.examples)
        if reading.unknown:
            log.warning(
                "unknown_caches",
                count=len(reading.unknown),
                examples=sorted(reading.unknown)[:5],
                remedy="add them to Traffic Ops; until then their points lack cachegroup and type",
            )

    def _report_evicted(self, batches: int) -> None:
        self._metrics.dropped.labels("all", "spool_full").inc(batches)
        self._log.error(
            "dropped",
            reason="the spool is full; its oldest batches were dropped",
            batches=batches,
            remedy="bring InfluxDB back, or raise spoolMaxBytes",
        )


def _stats(inventory: Inventory, feed: Feed) -> list[str]:
    return inventory.cache_stats if feed == "CacheStats" else inventory.ds_stats


def _batches(source: FeedSource, reading: Reading) -> list[Batch]:
    return [
        Batch(
            database=source.database,
            policy=source.policy,
            precision=_PRECISION,
            points=points,
            lines=lines,
            minutes=reading.minutes,
        )
        for lines, points in zip(reading.batches, reading.sizes, strict=True)
    ]
