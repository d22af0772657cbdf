"""What the daemon does besides collecting: it repairs rollups and summarizes days."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from tstats import catalog
from tstats.collect.batch import Batch
from tstats.collect.metrics import CollectorMetrics
from tstats.core.time import HOUR, MILLISECOND, MINUTE, SECOND
from tstats.core.windows import Window, runs
from tstats.daemon.schedule import Timer
from tstats.errors import TstatsError
from tstats.influx.client import Influx
from tstats.rollups.late import LateWindows, repair_late
from tstats.rollups.plan import merged
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport
from tstats.summaries.summarizer import Summarizer

_LATE_INTERVAL = MINUTE  # between two repairs of late data
_FULL_CHECK_INTERVAL = HOUR  # the full check is slow


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupServer:
    """An InfluxDB whose rollups are kept complete.

    Attributes:
        influx: the connection that `repair` uses.
        repair: its rollups.
        late: the windows into which late data was delivered.
    """

    influx: Influx
    repair: RollupRepair
    late: LateWindows


class Upkeep:
    """The recurring tasks of one set of settings, until a reload replaces it.

    Args:
        servers: the servers to repair; owned, like the summarizer: closed by `close`.
        summarizer: summarizes days; None where there is no InfluxDB to read.
        summary_interval: seconds from one search for finished days to the next.
        run_rollups: compute the rollups as time goes on, in place of continuous queries.
        metrics: the counters.
        log: gets what was repaired and summarized, and what failed.
        clock: returns ns since the epoch.
    """

    def __init__(
        self,
        servers: Sequence[RollupServer],
        *,
        summarizer: Summarizer | None,
        summary_interval: int,
        run_rollups: bool,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._servers = {server.influx.url: server for server in servers}
        self._summarizer = summarizer
        self._run_rollups = run_rollups
        self._metrics = metrics
        self._log = log
        self._clock = clock
        now = clock()
        self._late_check = Timer(_LATE_INTERVAL, due=now + _LATE_INTERVAL)
        self._full_check = Timer(
            _FULL_CHECK_INTERVAL, due=now
        )  # finds what an outage of the daemon left behind
        self._summary = Timer(summary_interval * SECOND, due=now)

    def check_database(self) -> None:
        """Log what to run if the SQL database does not have the schema that the summaries need."""
        if self._summarizer is None:
            return
        try:
            self._summarizer.check()
        except TstatsError as error:
            self._log.error("database", error=str(error))

    def note_delivered(self, url: str, batch: Batch) -> None:
        """Note a batch that a server has just taken; late data is repaired later. Thread-safe."""
        server = self._servers.get(url)
        if server is None:
            return
        for window in runs((minute * MILLISECOND for minute in batch.minutes), step=MINUTE):
            server.late.add(batch.database, window)

    def run_due(self) -> None:
        """Do what is due; to be called every few seconds, by one thread. Failures are logged."""
        now = self._clock()
        if self._run_rollups:
            self._report(server.repair.run_due() for server in self._servers.values())
        if self._late_check.is_due(now):
            for server in self._servers.values():
                self._report(repair_late(server.repair, server.late))
        if self._full_check.is_due(now):
            window = Window(start=now - catalog.RAW_RETENTION, end=now)
            self._report(server.repair.repair(window) for server in self._servers.values())
        if self._summarizer is not None and self._summary.is_due(now):
            self._summarizer.catch_up(now)

    def close(self) -> None:
        """Close the connections."""
        for server in self._servers.values():
            server.influx.close()
        if self._summarizer is not None:
            self._summarizer.close()

    def _report(self, reports: Iterable[RollupReport]) -> None:
        for report in reports:
            log = self._log.bind(influx=report.url)
            if report.error is not None:
                log.warning("rollups_failed", error=report.error)
            for outcome in report.outcomes:
                name = outcome.finding.rollup.name
                if outcome.failed:
                    error = outcome.error or outcome.finding.error or "it still differs"
                    log.warning("rollup_failed", rollup=name, error=error)
                elif outcome.recomputed:
                    self._metrics.repaired.labels(name).inc(outcome.points)
                    windows = ", ".join(str(window) for window in merged(outcome.recomputed))
                    log.info("rollup_computed", rollup=name, points=outcome.points, windows=windows)
