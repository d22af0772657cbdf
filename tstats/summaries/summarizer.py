"""Summarizes finished days: the highest traffic of each CDN, and its total.

The data show which days are left to do: those whose points give other summaries than are recorded. So a
rerun does what is missing, late data corrects its day, and a crash at any moment leaves nothing that the next
run does not complete.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import structlog

from tstats import catalog
from tstats.core.time import DAY, INFINITE, MINUTE
from tstats.errors import TstatsError, UnreachableError
from tstats.influx.client import Influx
from tstats.summaries.day import (
    Summary,
    day_of,
    days_between,
    first_whole_day_since,
    last_settled,
    summarize,
)
from tstats.summaries.points import DailyPoints, read_cdns, read_first, read_retention, read_traffic
from tstats.summaries.report import SummaryLine, SummaryReport, log_report
from tstats.summaries.rows import SummaryRows
from tstats.summaries.schedule import Schedule
from tstats.summaries.sinks import (
    CircuitBreaker,
    PointSink,
    RecordSink,
    RowSink,
    Sink,
    SummaryOutcome,
    combined,
)
from tstats.traffic_control.traffic_ops import TrafficOps

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _BusyError(TstatsError):
    """Another process is summarizing into the same SQL database."""


class Summarizer:
    """Summarizes days; not safe for use by two threads at once.

    Args:
        influxes: the servers; the first that answers is read.
        write_all: whether every server gets the daily points, or only the one that was read.
        policy: the retention policy of the daily points; empty for the database's default policy.
        rows: the rows in SQL; None to do without.
        traffic_ops: Traffic Ops' API; None to do without.
        delivery_services: whether to summarize the days of delivery services too.
        settling: how long after its end a day is summarized, in ns.
        log: where changes and failures are logged.
    """

    def __init__(
        self,
        *,
        influxes: Sequence[Influx],
        write_all: bool = False,
        policy: str = "",
        rows: SummaryRows | None = None,
        traffic_ops: TrafficOps | None = None,
        delivery_services: bool = False,
        settling: int = 10 * MINUTE,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._influxes = list(influxes)
        self._write_all = write_all
        self._policy = policy
        self._rows = rows
        self._traffic_ops = traffic_ops
        self._sources = [catalog.CDN_DAYS, *([catalog.DELIVERYSERVICE_DAYS] if delivery_services else [])]
        self._settling = settling
        self._log = log
        self._schedule = Schedule(settling)
        self._logged: set[tuple[object, ...]] = set()

    def close(self) -> None:
        """Close the connections."""
        for influx in self._influxes:
            influx.close()
        if self._traffic_ops is not None:
            self._traffic_ops.close()

    def check(self) -> None:
        """Check that the SQL database, if there is one, has the schema that this code needs.

        Raises:
            UnreachableError: the database cannot be reached.
            DatabaseError: its schema is another; the text says what to run.
        """
        if self._rows is not None:
            self._rows.check()

    def last_settled(self, now: int) -> date:
        """Return the last day that can be summarized; `now` is ns since the epoch."""
        return last_settled(now, self._settling)

    def catch_up(self, now: int) -> SummaryReport:
        """Do what is due; for a daemon to call as often as it likes, since it costs nothing otherwise.

        All days are checked in the first call, whenever a day has settled, and once per day. Those that late
        data may still change are checked every ten minutes. After a failure all days are tried again, first
        after a minute.

        Args:
            now: ns since the epoch.

        Returns:
            The report, in which failures are listed; it is empty while nothing is due. It is also logged.
        """
        if not self._schedule.is_due(now):
            return SummaryReport()
        everything = self._schedule.is_everything_due(now)
        report = self.run(now, since=None if everything else day_of(now - catalog.RAW_RETENTION))
        log_report(report, self._log, self._logged)
        self._schedule.record(now, everything=everything, ok=report.ok)
        return report

    def run(
        self,
        now: int,
        *,
        only: date | None = None,
        since: date | None = None,
        dry_run: bool = False,
        wait: float = 0.0,
    ) -> SummaryReport:
        """Summarize days, oldest first.

        Args:
            now: ns since the epoch.
            only: the day to summarize, which must have settled.
            since: the first day to summarize; without both, every settled day that still has all its points.
            dry_run: report what would be done, and do nothing.
            wait: seconds to wait for another process that summarizes into the same SQL database.

        Returns:
            What was done, and what went wrong.
        """
        lines: list[SummaryLine] = []
        at = _EPOCH + timedelta(microseconds=now // 1_000)
        try:
            reader = self._first_that_answers()
            days = self._days(reader, now, only=only, since=since)
            self.check()
            with self._sinks(reader, dry_run=dry_run, wait=wait) as sinks:
                cdns = read_cdns(reader, catalog.CDN_DAYS)
                for day in days:
                    lines.extend(self._summarize_day(reader, day, cdns, sinks, at=at))
        except TstatsError as error:
            busy = isinstance(error, _BusyError)
            return SummaryReport(lines=tuple(lines), problems=(str(error),), busy=busy)
        return SummaryReport(lines=tuple(lines))

    def _first_that_answers(self) -> Influx:
        failures = []
        for influx in self._influxes:
            try:
                influx.version()
            except UnreachableError as error:
                failures.append(str(error))
            else:
                return influx
        raise UnreachableError("; ".join(failures))

    def _days(self, reader: Influx, now: int, *, only: date | None, since: date | None) -> list[date]:
        """Return the days to check: those that have settled and of which no point has expired yet."""
        source = catalog.CDN_DAYS
        kept = read_retention(reader, source)
        oldest = first_whole_day_since(now - kept) if kept != INFINITE else None
        if only is not None:
            if oldest is not None and only < oldest:
                raise TstatsError(
                    f"{only}: points of that day have expired; {source.policy} of {source.database} at"
                    f" {reader.url} keeps {kept // DAY} days"
                )
            return [only]
        first = read_first(reader, source)
        if first is None:
            return []
        begin = max(filter(None, (day_of(first), oldest, since)))
        return days_between(begin, self.last_settled(now))

    @contextmanager
    def _sinks(self, reader: Influx, *, dry_run: bool, wait: float) -> Iterator[list[CircuitBreaker]]:
        """Yield the sinks, the authoritative one first.

        Records come before rows: if both are the same table, the row is found there and not posted again.
        """
        servers = self._influxes if self._write_all else [reader]
        records: list[Sink] = [RecordSink(self._traffic_ops)] if self._traffic_ops is not None else []
        points: list[Sink] = [PointSink(DailyPoints(influx, self._policy)) for influx in servers]

        def protected(*rows: Sink) -> list[CircuitBreaker]:
            return [CircuitBreaker(sink, dry_run=dry_run) for sink in (*records, *rows, *points)]

        if self._rows is None:
            yield protected()
        elif dry_run:
            yield protected(RowSink(self._rows, None))
        else:
            with self._rows.exclusively(wait=wait) as writer:
                if writer is None:
                    raise _BusyError(
                        f"{self._rows.name}: another process is summarizing; try again once it has finished"
                    )
                yield protected(RowSink(self._rows, writer))

    def _summarize_day(
        self, reader: Influx, day: date, cdns: set[str], sinks: Sequence[CircuitBreaker], *, at: datetime
    ) -> Iterator[SummaryLine]:
        by_cdn: dict[str, list[Summary]] = {cdn: [] for cdn in cdns}
        for source in self._sources:
            for traffic in read_traffic(reader, source, day):
                by_cdn.setdefault(traffic.cdn, []).extend(summarize(day, traffic, catalog.DAILY_SUMMARIES))
        for cdn, summaries in sorted(by_cdn.items()):
            if summaries:
                yield from _apply(summaries, sinks, at=at)
            else:
                yield SummaryLine(day=day, cdn=cdn, outcome=SummaryOutcome.NO_POINTS)


def _apply(
    summaries: Sequence[Summary], sinks: Sequence[CircuitBreaker], *, at: datetime
) -> list[SummaryLine]:
    """Bring the summaries of one CDN and day to every sink: one that fails does not stop the others."""
    outcomes, errors = [], []
    for sink in sinks:
        try:
            outcomes.append(sink.apply(summaries, at=at))
        except TstatsError as error:
            errors.append(str(error))
    return [
        SummaryLine(
            day=summary.key.day,
            cdn=summary.key.cdn,
            deliveryservice=summary.key.deliveryservice,
            stat=summary.key.stat,
            value=summary.value,
            outcome=SummaryOutcome.FAILED if errors else combined([found[number] for found in outcomes]),
            error="; ".join(errors),
        )
        for number, summary in enumerate(summaries)
    ]
