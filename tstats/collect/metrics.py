"""The collector's Prometheus metrics."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from tstats.core.time import SECOND

disable_created_metrics()  # type: ignore[no-untyped-call]  # an unused second time series per counter

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class CollectorMetrics:
    """The metrics of a process; they outlive a reload.

    Args:
        clock: returns ns since the epoch.

    Attributes:
        registry: what /metrics shows.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._good_polls: dict[tuple[str, str], int] = {}
        self.registry = registry = CollectorRegistry()
        self.polls = Counter(
            "tstats_polls",
            "Polls of Traffic Monitors by outcome: collected, failed, skipped (the previous poll still ran)",
            ["cdn", "feed", "outcome"],
            registry=registry,
        )
        self.points = Counter(
            "tstats_collected_points", "Points that were put into the spool", ["database"], registry=registry
        )
        self.bad_samples = Counter(
            "tstats_bad_samples",
            "Samples that were left out, by reason: value (not a number), name, type, time, old",
            ["cdn", "feed", "reason"],
            registry=registry,
        )
        self._poll_age = Gauge(
            "tstats_last_good_poll_age_seconds",
            "Time since the last good poll of a CDN",
            ["cdn", "feed"],
            registry=registry,
        )
        self.published = Counter(
            "tstats_published_points", "Points that a target has taken", ["target"], registry=registry
        )
        self.publish_seconds = Histogram(
            "tstats_publish_seconds", "Duration of a write", ["target"], buckets=_SECONDS, registry=registry
        )
        self.dropped = Counter(
            "tstats_dropped_batches",
            "Batches that their target will not get: rejected (set aside), retention (too old), spool_full",
            ["target", "reason"],
            registry=registry,
        )
        self.spool_bytes = Gauge(
            "tstats_spool_bytes", "Disk space that waiting batches take up", registry=registry
        )
        self.spool_age = Gauge(
            "tstats_spool_oldest_age_seconds",
            "Age of the oldest waiting batch",
            ["target"],
            registry=registry,
        )
        self.inventory_age = Gauge(
            "tstats_inventory_age_seconds",
            "Time since Traffic Ops last provided the inventory",
            registry=registry,
        )
        self.repaired = Counter(
            "tstats_rollup_points",
            "Points of rollups that tstats computed, because of late data or rollupMode tstats",
            ["rollup"],
            registry=registry,
        )

    def poll_succeeded(self, cdn: str, feed: str) -> None:
        """Count a good poll, and remember its time."""
        self.polls.labels(cdn, feed, "collected").inc()
        if (cdn, feed) not in self._good_polls:
            self._poll_age.labels(cdn, feed).set_function(
                lambda: (self._clock() - self._good_polls.get((cdn, feed), 0)) / SECOND
            )
        self._good_polls[cdn, feed] = self._clock()

    def forget_polls(self, keep: set[tuple[str, str]]) -> None:
        """Forget the polls of all feeds, by (CDN, feed), except those in `keep`."""
        for cdn, feed in [key for key in self._good_polls if key not in keep]:
            del self._good_polls[cdn, feed]
            self._poll_age.remove(cdn, feed)

    def poll_ages(self) -> Mapping[tuple[str, str], float]:
        """Return the seconds since the last good poll, by (CDN, feed)."""
        now = self._clock()
        return {key: (now - polled) / SECOND for key, polled in list(self._good_polls.items())}
