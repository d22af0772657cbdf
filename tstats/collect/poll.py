"""Traffic Monitor → spool: one poll of one feed of one CDN, and the pollers that an inventory asks for."""

import time
from collections.abc import Callable

import msgspec
import structlog

from tstats import catalog
from tstats.collect.feed import CacheFeed, DeliveryServiceFeed, Reading
from tstats.collect.spool import Batch, Spool
from tstats.collect.telemetry import Telemetry
from tstats.config.settings import Settings
from tstats.errors import ServerError, SpoolError
from tstats.traffic_control.inventory import Inventory
from tstats.traffic_control.traffic_monitor import FEEDS, Feed, MonitorGroup

_DAY_MS = 24 * 3600 * 1000
_PRECISION = "ms"


class Poller:
    """Polls one feed of one CDN; `poll` is called by one thread at a time."""

    def __init__(
        self,
        *,
        cdn: str,
        feed: Feed,
        group: MonitorGroup,
        reader: CacheFeed | DeliveryServiceFeed,
        database: str,
        policy: str,
    ) -> None:
        self.key = (cdn, str(feed))
        self.group = group
        self.reader = reader
        self.database = database
        self.policy = policy


class Collector:
    """Polls and spools.

    Args:
        settings: the names of retention policies, the size of batches.
        spool: takes the batches.
        send: delivers a batch at once, where the disk cannot take it; says whether that worked.
        telemetry: counts.
        log: told each poll's outcome.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        spool: Spool,
        send: Callable[[Batch], bool],
        telemetry: Telemetry,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._send = send
        self._telemetry = telemetry
        self._log = log
        self._clock = clock

    def pollers(self, inventory: Inventory) -> list[Poller]:
        """A poller for each feed of each CDN that has a monitor and for which there are stats to ask."""
        pollers = []
        for cdn, urls in sorted(inventory.monitors.items()):
            for feed in FEEDS:
                caches = feed == "CacheStats"
                stats = inventory.cache_stats if caches else inventory.ds_stats
                if not stats:
                    continue
                group = MonitorGroup(urls, feed=feed, stats=stats, on_failed=self._report_monitor(cdn, feed))
                pollers.append(
                    Poller(
                        cdn=cdn,
                        feed=feed,
                        group=group,
                        reader=CacheFeed(cdn, inventory.caches) if caches else DeliveryServiceFeed(cdn),
                        database=catalog.CACHE_STATS if caches else catalog.DELIVERYSERVICE_STATS,
                        policy=(
                            self._settings.cache_retention_policy
                            if caches
                            else self._settings.ds_retention_policy
                        ),
                    )
                )
        return pollers

    def poll(self, poller: Poller, *, seconds: float) -> bool:
        """Ask the monitors, and keep the points; False, with the reason in the log, when that failed.

        Args:
            poller: what to poll.
            seconds: the time for all its monitors together.
        """
        cdn, feed = poller.key
        log = self._log.bind(cdn=cdn, feed=feed)
        oldest = int(self._clock() * 1000) - _DAY_MS  # the policy keeps 26 h
        most = self._settings.max_publish_size
        started = time.monotonic()
        try:
            monitor, reading = poller.group.ask(
                lambda body: poller.reader.read(body, oldest=oldest, most=most), seconds=seconds
            )
        except ServerError as error:
            self._telemetry.polls.labels(cdn, feed, "failed").inc()
            log.error("poll_failed", error=str(error))
            return False
        batches = _batches(poller, reading)
        try:
            self._spool.put(batches)
        except SpoolError as error:
            self._telemetry.polls.labels(cdn, feed, "failed").inc()
            log.error("spool_failed", error=str(error))
            sent = sum(batch.points for batch in batches if self._send(batch))
            log.warning("sent_without_spool", points=sent, of=reading.points)
            return False
        self._report(log.bind(monitor=monitor), poller, reading)
        log.info(
            "collected",
            monitor=monitor,
            points=reading.points,
            newest=reading.newest,
            seconds=round(time.monotonic() - started, 3),
        )
        return True

    def _report(self, log: structlog.stdlib.BoundLogger, poller: Poller, reading: Reading) -> None:
        cdn, feed = poller.key
        self._telemetry.poll_succeeded(cdn, feed)
        self._telemetry.points.labels(poller.database).inc(reading.points)
        for reason, count in reading.dropped.items():
            self._telemetry.bad_samples.labels(cdn, feed, reason).inc(count)
        if reading.dropped:
            log.warning("bad_samples", counts=dict(reading.dropped), examples=reading.examples)
        if reading.unknown:
            log.warning(
                "unknown_caches",
                count=len(reading.unknown),
                examples=sorted(reading.unknown)[:5],
                remedy="their points lack cachegroup and type until Traffic Ops names them",
            )

    def _report_monitor(self, cdn: str, feed: str) -> Callable[[str, str], None]:
        def report(url: str, reason: str) -> None:
            self._log.warning("monitor_failed", cdn=cdn, feed=feed, monitor=url, error=reason)

        return report


def _batches(poller: Poller, reading: Reading) -> list[Batch]:
    return [
        Batch(
            database=poller.database,
            policy=poller.policy,
            precision=_PRECISION,
            points=points,
            lines=lines,
            minutes=reading.minutes,
        )
        for lines, points in zip(reading.batches, reading.sizes, strict=True)
    ]


def changed(before: Inventory | None, after: Inventory) -> bool:
    """Whether pollers must be made anew: building them is cheap, but they remember who answered last."""
    return before is None or msgspec.json.encode(before) != msgspec.json.encode(after)
