"""Summarizes finished days: what the traffic of each CDN was at most, and in all.

Which days are left to do is found in the data: those whose points give another summary than what is
recorded of them. So a rerun does what is missing, late data corrects its day, and a crash at any moment
leaves nothing that the next run does not complete.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import structlog

from tstats import catalog, connections
from tstats.config.settings import Settings
from tstats.core.time import DAY, HOUR, INFINITE
from tstats.db.database import Database
from tstats.errors import ConfigError, TstatsError, UnreachableError
from tstats.influx.client import Influx
from tstats.summaries.day import Summary, day_of, days_between, last_settled, summarize, whole_days_since
from tstats.summaries.points import DailyPoints, read_cdns, read_first, read_retention, read_traffic
from tstats.summaries.report import Line, Report, tell
from tstats.summaries.rows import Summaries
from tstats.summaries.schedule import Schedule
from tstats.summaries.sinks import Outcome, Patience, Points, Records, Rows, Sink, combined
from tstats.traffic_control.traffic_ops import TrafficOps

# Raw points live 26 hours: what arrives late can change a day for so long.
_FRESH = 26 * HOUR


class _BusyError(TstatsError):
    """Another process summarizes into the same SQL database."""


class Summarizer:
    """Summarizes days; used by one thread at a time.

    Args:
        influxes: the servers; the first that answers is read.
        write_all: whether each gets the daily points, or only the one that was read.
        policy: the retention policy of the daily points; empty is the database's default one.
        rows: the SQL database; None goes without.
        traffic_ops: the API; None goes without.
        delivery_services: whether their days are summarized, too.
        settle_minutes: a day is not summarized before so long after its end.
        log: told what changed and what failed.
    """

    def __init__(
        self,
        *,
        influxes: Sequence[Influx],
        write_all: bool = False,
        policy: str = "",
        rows: Summaries | None = None,
        traffic_ops: TrafficOps | None = None,
        delivery_services: bool = False,
        settle_minutes: int = 10,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._influxes = list(influxes)
        self._write_all = write_all
        self._policy = policy
        self._rows = rows
        self._traffic_ops = traffic_ops
        self._sources = [catalog.CDN_DAYS, *([catalog.DELIVERYSERVICE_DAYS] if delivery_services else [])]
        self._settle_minutes = settle_minutes
        self._log = log
        self._schedule = Schedule(settle_minutes)
        self._told: set[tuple[object, ...]] = set()

    def close(self) -> None:
        """Give the connections back."""
        for influx in self._influxes:
            influx.close()
        if self._traffic_ops is not None:
            self._traffic_ops.close()

    def check(self) -> None:
        """See that the SQL database, if there is one, has the schema that this code needs.

        Raises:
            UnreachableError: it cannot be reached.
            DatabaseError: it has not; the text says what to run.
        """
        if self._rows is not None:
            self._rows.check()

    def last_settled(self, now: float) -> date:
        """The last day that can be summarized; `now` in seconds since the epoch."""
        return last_settled(_moment(now), self._settle_minutes)

    def catch_up(self, now: float) -> Report:
        """Do what is due; costs nothing while nothing is. For a daemon, as often as it likes.

        All days are looked at in the first call, when a day has settled, and once a day; those that late data
        may still change, every ten minutes; after a failure all of them again, from a minute later on.

        Args:
            now: seconds since the epoch.

        Returns:
            The report; empty while nothing is due. Failures are in it, and in the log.
        """
        if not self._schedule.is_due(now):
            return Report()
        everything = self._schedule.is_everything_due(now)
        report = self.run(now, since=None if everything else day_of(int(now) * 10**9 - _FRESH))
        tell(report, self._log, self._told)
        self._schedule.note(now, everything=everything, ok=report.ok)
        return report

    def run(
        self,
        now: float,
        *,
        only: date | None = None,
        since: date | None = None,
        dry_run: bool = False,
        wait: float = 0.0,
    ) -> Report:
        """Summarize days, oldest first.

        Args:
            now: seconds since the epoch.
            only: this day, which has to be a settled one.
            since: from this day on; without both, every settled day that still has all its points.
            dry_run: tell what would be done, and do nothing.
            wait: seconds to wait for another process that summarizes into the same SQL database.

        Returns:
            What was done, and what went wrong.
        """
        lines: list[Line] = []
        try:
            reader = self._first_that_answers()
            days = self._days(reader, now, only=only, since=since)
            if self._rows is not None:
                self._rows.check()
            with self._sinks(reader, dry_run=dry_run, wait=wait) as sinks:
                cdns = read_cdns(reader, catalog.CDN_DAYS)
                for day in days:
                    lines.extend(self._summarized(reader, day, cdns, sinks, at=_moment(now)))
        except TstatsError as error:
            busy = isinstance(error, _BusyError)
            return Report(lines=tuple(lines), problems=(str(error),), busy=busy)
        return Report(lines=tuple(lines))

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

    def _days(self, reader: Influx, now: float, *, only: date | None, since: date | None) -> list[date]:
        """The days to look at: settled, and none of whose points has expired yet."""
        source = catalog.CDN_DAYS
        kept = read_retention(reader, source)
        oldest = whole_days_since(int(now) * 10**9 - kept) if kept != INFINITE else None
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
    def _sinks(self, reader: Influx, *, dry_run: bool, wait: float) -> Iterator[list[Patience]]:
        """The sinks, the authoritative one first.

        Records go before rows: where both are one table, the row is seen there and not posted again.
        """
        servers = self._influxes if self._write_all else [reader]
        records: list[Sink] = [Records(self._traffic_ops)] if self._traffic_ops is not None else []
        points: list[Sink] = [Points(DailyPoints(influx, self._policy)) for influx in servers]

        def ready(*rows: Sink) -> list[Patience]:
            return [Patience(sink, dry_run=dry_run) for sink in (*records, *rows, *points)]

        if self._rows is None:
            yield ready()
        elif dry_run:
            yield ready(Rows(self._rows.name, self._rows.values, None))
        else:
            with self._rows.exclusively(wait=wait) as writer:
                if writer is None:
                    raise _BusyError(f"{self._rows.name}: another process summarizes now")
                yield ready(Rows(self._rows.name, writer.values, writer))

    def _summarized(
        self, reader: Influx, day: date, cdns: set[str], sinks: Sequence[Patience], *, at: datetime
    ) -> Iterator[Line]:
        of_cdn: dict[str, list[Summary]] = {cdn: [] for cdn in cdns}
        for source in self._sources:
            for traffic in read_traffic(reader, source, day):
                of_cdn.setdefault(traffic.cdn, []).extend(summarize(day, traffic, catalog.DAILY_SUMMARIES))
        for cdn, summaries in sorted(of_cdn.items()):
            if summaries:
                yield from _applied(summaries, sinks, at=at)
            else:
                yield Line(day=day, cdn=cdn, outcome=Outcome.NO_POINTS)


def _applied(summaries: Sequence[Summary], sinks: Sequence[Patience], *, at: datetime) -> list[Line]:
    """The summaries of one CDN and day, brought to each sink: one that fails stops no other."""
    outcomes, errors = [], []
    for sink in sinks:
        try:
            outcomes.append(sink.apply(summaries, at=at))
        except TstatsError as error:
            errors.append(str(error))
    return [
        Line(
            day=summary.key.day,
            cdn=summary.key.cdn,
            deliveryservice=summary.key.deliveryservice,
            stat=summary.key.stat,
            value=summary.value,
            outcome=Outcome.FAILED if errors else combined([each[number] for each in outcomes]),
            error="; ".join(errors),
        )
        for number, summary in enumerate(summaries)
    ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def from_settings(settings: Settings, *, log: structlog.stdlib.BoundLogger) -> Summarizer:
    """The summarizer that the settings ask for; nothing is connected to yet.

    Raises:
        ConfigError: a URL is none, or there is no InfluxDB to read from.
    """
    urls = connections.queried_urls(settings)
    if not urls:
        raise ConfigError("influxUrls: the days are read over http: one such URL is needed")
    sql = settings.summary_sink in ("database", "both")
    api = settings.summary_sink in ("trafficOps", "both")
    return Summarizer(
        influxes=[connections.influx(settings, url) for url in urls],
        write_all=settings.influx_write_mode == "all",
        policy=settings.daily_summary_retention_policy,
        rows=Summaries(Database(settings.summary_database)) if sql else None,
        traffic_ops=connections.traffic_ops(settings) if api else None,
        delivery_services=settings.summarize_delivery_services,
        settle_minutes=settings.summary_settle_minutes,
        log=log,
    )
