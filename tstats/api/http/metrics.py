"""Prometheus metrics of the API."""

import os
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tstats.influx.async_reader import ReadOutcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The Prometheus client's environment variable for the folder in which the workers share their metrics."""

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class ApiMetrics:
    """The metrics of one process; create only one."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tstats_api_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "tstats_api_request_seconds",
            "Duration of a request",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._reads = Counter(
            "tstats_api_reads",
            "Reads of InfluxDB by outcome: answered, failed, slow (timed out, or the caller went away)",
            ["server", "outcome"],
            registry=registry,
        )
        self._read_seconds = Histogram(
            "tstats_api_read_seconds",
            "Duration of a read of InfluxDB",
            ["server"],
            buckets=_BUCKETS,
            registry=registry,
        )
        # `labels` takes a lock and builds a tuple of strings: once per combination is enough.
        self._request_counter = lru_cache(maxsize=1_024)(self._requests.labels)
        self._request_timer = lru_cache(maxsize=256)(self._request_seconds.labels)
        self._read_counter = lru_cache(maxsize=256)(self._reads.labels)
        self._read_timer = lru_cache(maxsize=256)(self._read_seconds.labels)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is one of a few names, never a path of the caller's choice."""
        self._request_counter(route, str(status)).inc()
        self._request_timer(route).observe(seconds)

    def count_read(self, server: str, outcome: ReadOutcome, seconds: float) -> None:
        """Count a read of InfluxDB."""
        self._read_counter(server, outcome).inc()
        self._read_timer(server).observe(seconds)

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format; with several workers, the sum over all of them."""
        if SHARED_FOLDER_VARIABLE not in os.environ:
            return generate_latest(self.registry)
        total = CollectorRegistry()
        MultiProcessCollector(total)  # type: ignore[no-untyped-call]  # the client's class has no types
        return generate_latest(total)
