"""Where the summaries of a day go: points in InfluxDB, rows in SQL, records of Traffic Ops.

Each sink compares first, and writes only what differs. Since every write can also be repeated, a rerun after
a crash completes what is missing and changes nothing else.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tstats.errors import ServerError, UnreachableError
from tstats.summaries.day import Summary, SummaryKey, is_missing, is_same, stale_times
from tstats.summaries.points import DailyPoints
from tstats.summaries.rows import RowWriter, SummaryRows
from tstats.traffic_control.traffic_ops import DayRecord, TrafficOps

_FAILURES_TO_OPEN = 3


class SummaryOutcome(StrEnum):
    """What was done about a summary, or in a dry run would be done."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DIFFERS = "differs"  # Traffic Ops has another value, which its API cannot change
    ZERO = "zero not recorded"  # Traffic Ops' API takes a zero for a missing value, and refuses it
    NO_POINTS = "no points"
    FAILED = "failed"


class Sink(Protocol):
    """A place for summaries; those of one call are all of the same CDN and day."""

    @property
    def name(self) -> str:
        """The sink's name for messages."""

    def compare(self, summaries: Sequence[Summary]) -> list[SummaryOutcome]:
        """Return what has to be done about each summary."""

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Write the summaries that have to be created or updated."""


class PointSink:
    """The points of daily_stats on one InfluxDB."""

    def __init__(self, points: DailyPoints) -> None:
        self._points = points
        self.name = points.url

    def compare(self, summaries: Sequence[Summary]) -> list[SummaryOutcome]:
        """Return UPDATED where the day has a point with another value or at another time."""
        first = summaries[0].key
        found = self._points.read(first.cdn, first.day, sorted({summary.key.stat for summary in summaries}))
        return [self._outcome(summary, found.get(summary.key, {})) for summary in summaries]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Write one point per summary and delete stale ones for that day."""
        del at
        self._points.write(summaries)

    @staticmethod
    def _outcome(summary: Summary, points: dict[int, float]) -> SummaryOutcome:
        if not points:
            return SummaryOutcome.CREATED
        wrong = is_missing(summary, points) or stale_times(summary, points)
        return SummaryOutcome.UPDATED if wrong else SummaryOutcome.UNCHANGED


class RowSink:
    """The rows of stats_summary in SQL.

    Args:
        rows: the database.
        writer: writes the rows; None in a dry run.
    """

    def __init__(self, rows: SummaryRows, writer: RowWriter | None) -> None:
        self.name = rows.name
        self._reader = rows if writer is None else writer
        self._writer = writer

    def compare(self, summaries: Sequence[Summary]) -> list[SummaryOutcome]:
        """Return UPDATED where a row has another value."""
        first = summaries[0].key
        found = self._reader.values(first.day, cdn=first.cdn)
        return [
            SummaryOutcome.CREATED
            if summary.key not in found
            else SummaryOutcome.UNCHANGED
            if is_same(found[summary.key], summary.value)
            else SummaryOutcome.UPDATED
            for summary in summaries
        ]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Insert or correct their rows."""
        if self._writer is not None:
            self._writer.save(summaries, at=at)


class RecordSink:
    """The records of Traffic Ops, through its API; only for one run, since it keeps what it has read."""

    def __init__(self, traffic_ops: TrafficOps) -> None:
        self._traffic_ops = traffic_ops
        self._known: dict[tuple[str, str], dict[SummaryKey, list[float]]] = {}
        self.name = traffic_ops.url

    def compare(self, summaries: Sequence[Summary]) -> list[SummaryOutcome]:
        """Return CREATED only where there is no record at all: a second one must not be posted.

        A record cannot be changed, and a zero cannot be recorded.
        """
        return [self._outcome(summary) for summary in summaries]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Post the summaries."""
        for summary in summaries:
            recorded = self._recorded(summary)
            self._traffic_ops.record_summary(DayRecord(**summary.key._asdict(), value=summary.value), at=at)
            recorded[summary.key] = [summary.value]

    def _outcome(self, summary: Summary) -> SummaryOutcome:
        values = self._recorded(summary).get(summary.key)
        if values is None:
            return SummaryOutcome.CREATED if summary.value else SummaryOutcome.ZERO
        recorded = any(is_same(value, summary.value) for value in values)
        return SummaryOutcome.UNCHANGED if recorded else SummaryOutcome.DIFFERS

    def _recorded(self, summary: Summary) -> dict[SummaryKey, list[float]]:
        cdn, stat = summary.key.cdn, summary.key.stat
        if (cdn, stat) not in self._known:
            known: dict[SummaryKey, list[float]] = {}
            for record in self._traffic_ops.summaries(cdn=cdn, stat=stat):
                key = SummaryKey(record.cdn, record.deliveryservice, record.stat, record.day)
                known.setdefault(key, []).append(record.value)
            self._known[cdn, stat] = known
        return self._known[cdn, stat]


class CircuitBreaker:
    """A circuit breaker around a sink: after three failures in a row it opens, and calls fail fast.

    It lives for one run and does not close again, so that an outage is not waited for once per CDN and day.
    """

    def __init__(self, sink: Sink, *, dry_run: bool) -> None:
        self.name = sink.name
        self._sink = sink
        self._dry_run = dry_run
        self._failures = 0
        self._last_error: ServerError | None = None

    def apply(self, summaries: Sequence[Summary], *, at: datetime) -> list[SummaryOutcome]:
        """Bring the sink in line with the summaries (not in a dry run); return what that took.

        Raises:
            TstatsError: it could not be done, or the circuit is open.
        """
        if self._last_error is not None and self._failures >= _FAILURES_TO_OPEN:
            raise self._last_error
        try:
            outcomes = self._sink.compare(summaries)
            changes = [
                summary
                for summary, outcome in zip(summaries, outcomes, strict=True)
                if outcome in (SummaryOutcome.CREATED, SummaryOutcome.UPDATED)
            ]
            if changes and not self._dry_run:
                self._sink.write(changes, at=at)
        except UnreachableError as error:
            self._failures, self._last_error = self._failures + 1, error
            raise
        self._failures = 0
        return outcomes


def combined(outcomes: Sequence[SummaryOutcome]) -> SummaryOutcome:
    """Return the outcome of a summary from those of all sinks, the authoritative sink first.

    A zero that a sink could not record is reported whatever the others did.

    >>> combined([SummaryOutcome.UNCHANGED, SummaryOutcome.CREATED]).value  # a row without its point
    'updated'
    """
    if SummaryOutcome.ZERO in outcomes:
        return SummaryOutcome.ZERO
    if outcomes[0] is SummaryOutcome.CREATED:
        return SummaryOutcome.CREATED
    if SummaryOutcome.CREATED in outcomes or SummaryOutcome.UPDATED in outcomes:
        return SummaryOutcome.UPDATED
    return SummaryOutcome.DIFFERS if SummaryOutcome.DIFFERS in outcomes else SummaryOutcome.UNCHANGED
