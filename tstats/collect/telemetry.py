"""What the collector measures of itself, as Prometheus metrics, and whether it is well."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second time series for each counter, which nobody asks for

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The instruments; made once a process.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._good_polls: dict[tuple[str, str], float] = {}
        self.registry = registry = CollectorRegistry()
        self.polls = Counter(
            "tstats_polls",
            "Polls of Traffic Monitors by outcome: collected, failed, skipped (the last one still ran)",
            ["cdn", "feed", "outcome"],
            registry=registry,
        )
        self.points = Counter(
            "tstats_collected_points", "Points that are in the spool", ["database"], registry=registry
        )
        self.bad_samples = Counter(
            "tstats_bad_samples",
            "Samples without a point: value (no number), name, type, time, old",
            ["cdn", "feed", "reason"],
            registry=registry,
        )
        self._poll_age = Gauge(
            "tstats_last_good_poll_age_seconds",
            "Since the last good poll of a CDN",
            ["cdn", "feed"],
            registry=registry,
        )
        self.published = Counter(
            "tstats_published_points", "Points that a target has taken", ["target"], registry=registry
        )
        self.publish_seconds = Histogram(
            "tstats_publish_seconds", "One write request", ["target"], buckets=_SECONDS, registry=registry
        )
        self.dropped = Counter(
            "tstats_dropped_batches",
            "Batches that no target will get: rejected (dead letters), retention (too old), spool_full",
            ["target", "reason"],
            registry=registry,
        )
        self.spool_bytes = Gauge("tstats_spool_bytes", "Room that waiting batches take", registry=registry)
        self.spool_age = Gauge(
            "tstats_spool_oldest_age_seconds", "Of the oldest waiting batch", ["target"], registry=registry
        )
        self.inventory_age = Gauge(
            "tstats_inventory_age_seconds", "Since Traffic Ops last gave the inventory", registry=registry
        )

        self.repaired = Counter(
            "tstats_rollup_points",
            "Points of rollups that tstats computed, after late data or by rollupMode tstats",
            ["rollup"],
            registry=registry,
        )

    def poll_succeeded(self, cdn: str, feed: str) -> None:
        """Note a good poll."""
        self.polls.labels(cdn, feed, "collected").inc()
        if (cdn, feed) not in self._good_polls:
            self._poll_age.labels(cdn, feed).set_function(
                lambda: self._clock() - self._good_polls.get((cdn, feed), 0.0)
            )
        self._good_polls[cdn, feed] = self._clock()

    def forget_polls(self, keep: set[tuple[str, str]]) -> None:
        """Stop watching CDNs that are no longer polled."""
        for cdn, feed in [key for key in self._good_polls if key not in keep]:
            del self._good_polls[cdn, feed]
            self._poll_age.remove(cdn, feed)

    def poll_ages(self) -> Mapping[tuple[str, str], float]:
        """Seconds since the last good poll by (CDN, feed)."""
        now = self._clock()
        return {key: now - when for key, when in list(self._good_polls.items())}
