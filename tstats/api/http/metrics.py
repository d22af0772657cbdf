"""What the API measures of itself, as Prometheus metrics."""

import os
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tstats.influx.async_reader import Outcome

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The client's environment variable: a folder where the workers of one API add up what they count."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Telemetry:
    """The instruments; made once a process."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tstats_api_requests", "Answers by route and status", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "tstats_api_request_seconds", "One request", ["route"], buckets=_SECONDS, registry=registry
        )
        self._reads = Counter(
            "tstats_api_reads",
            "Reads of InfluxDB by outcome: answered, failed, slow (not in time, or nobody waits any more)",
            ["server", "outcome"],
            registry=registry,
        )
        self._read_seconds = Histogram(
            "tstats_api_read_seconds", "One read of InfluxDB", ["server"], buckets=_SECONDS, registry=registry
        )
        # A child is looked up by a lock and a tuple of texts: once is enough.
        self._answers = lru_cache(maxsize=1_024)(self._requests.labels)
        self._durations = lru_cache(maxsize=256)(self._seconds.labels)
        self._outcomes = lru_cache(maxsize=256)(self._reads.labels)
        self._waits = lru_cache(maxsize=256)(self._read_seconds.labels)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Note an answer; `route` is one of few."""
        self._answers(route, str(status)).inc()
        self._durations(route).observe(seconds)

    def read(self, server: str, outcome: Outcome, seconds: float) -> None:
        """Note a read of InfluxDB."""
        self._outcomes(server, outcome).inc()
        self._waits(server).observe(seconds)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format; with several workers, the sum over them."""
        if SHARED not in os.environ:
            return generate_latest(self.registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # the client's class has no types
        return generate_latest(together)
