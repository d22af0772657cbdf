"""What the daemon does beside collecting: rollups kept whole, days summarized."""

import time
from collections.abc import Callable, Iterable

import structlog

from tstats import catalog, connections
from tstats.collect.feed import MINUTE_MS
from tstats.collect.spool import Batch
from tstats.collect.telemetry import Telemetry
from tstats.config.settings import Settings
from tstats.core.time import MILLISECOND, SECOND
from tstats.core.windows import Window, runs
from tstats.errors import TstatsError
from tstats.influx.client import Influx
from tstats.rollups.late import LateWindows, repair_late
from tstats.rollups.plan import merged
from tstats.rollups.repair import RollupRepair
from tstats.rollups.report import RollupReport
from tstats.summaries.build import build_summarizer

_LATE_EVERY = 60.0  # seconds between two looks at what came late
_ALL_EVERY = 3600.0  # seconds between two slow full checks


class _Site:
    """One InfluxDB whose rollups are kept whole."""

    def __init__(self, influx: Influx, clock: Callable[[], int]) -> None:
        self.influx = influx
        self.repair = RollupRepair(influx, clock=clock)
        self.late = LateWindows(clock=clock)


class Upkeep:
    """The chores of one set of settings; `turn` is called by one thread, `taken` by any.

    Args:
        settings: checked ones.
        telemetry: counts.
        log: told what was repaired and summarized, and what failed.
        clock: seconds since the epoch.

    Raises:
        ConfigError: a URL is none.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        telemetry: Telemetry,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._log = log
        self._clock = clock
        urls = connections.queried_urls(settings)
        influxes = [connections.influx(settings, url) for url in urls]
        self._sites = {influx.url: _Site(influx, lambda: int(clock() * SECOND)) for influx in influxes}
        self._summarizer = build_summarizer(settings, log) if urls else None
        started = clock()
        self._late_due = started + _LATE_EVERY
        self._all_due = started  # what an outage of our own left is found at once
        self._days_due = started

    def check_database(self) -> None:
        """Say what to run where the SQL database has not the schema that the summaries need."""
        if self._summarizer is None:
            return
        try:
            self._summarizer.check()
        except TstatsError as error:
            self._log.error("database", error=str(error))

    def taken(self, url: str, batch: Batch) -> None:
        """Note a batch that a server has just taken: what came late is repaired later."""
        site = self._sites.get(url)
        if site is None:
            return
        for window in runs(batch.minutes, step=MINUTE_MS):
            in_ns = Window(start=window.start * MILLISECOND, end=window.end * MILLISECOND)
            site.late.add(batch.database, in_ns)

    def turn(self) -> None:
        """Do what is due; to be called every few seconds. Failures are in the log."""
        now = self._clock()
        if self._settings.rollup_mode == "tstats":
            self._report(site.repair.run_due() for site in self._sites.values())
        if now >= self._late_due:
            self._late_due = now + _LATE_EVERY
            for site in self._sites.values():
                self._report(repair_late(site.repair, site.late))
        if now >= self._all_due:
            self._all_due = now + _ALL_EVERY
            window = Window(start=int(now) * SECOND - catalog.RAW_RETENTION, end=int(now) * SECOND)
            self._report(site.repair.repair(window) for site in self._sites.values())
        if self._summarizer is not None and now >= self._days_due:
            self._days_due = now + self._settings.daily_summary_polling_interval
            self._summarizer.catch_up(int(now * SECOND))

    def close(self) -> None:
        """Give the connections back."""
        for site in self._sites.values():
            site.influx.close()
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
                    self._telemetry.repaired.labels(name).inc(outcome.points)
                    windows = ", ".join(str(window) for window in merged(outcome.recomputed))
                    log.info("rollup_computed", rollup=name, points=outcome.points, windows=windows)
