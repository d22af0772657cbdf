"""Where the summaries of a day go: points in InfluxDB, rows in SQL, records of Traffic Ops.

Each sink first compares: what is there already is not written again. That, and that each write can be
repeated, makes a rerun after a crash complete what is missing and change nothing else.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from tstats.errors import ServerError, UnreachableError
from tstats.summaries.day import Key, Summary, is_missing, same, stale
from tstats.summaries.points import DailyPoints
from tstats.summaries.rows import Writer
from tstats.traffic_control.traffic_ops import DayRecord, TrafficOps

# An outage is not waited for again and again: so many failures in a row, and the sink counts as down.
_FAILURES_OF_AN_OUTAGE = 3


class Outcome(StrEnum):
    """What became of a summary (in a dry run: what would)."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DIFFERS = "differs"  # Traffic Ops has another value, and no way to change it
    ZERO = "zero not recorded"  # Traffic Ops takes a zero for a value that is not there, and refuses it
    NO_POINTS = "no points"
    FAILED = "failed"


class Sink(Protocol):
    """One place for summaries; the summaries of a call are all of one CDN and day."""

    @property
    def name(self) -> str:
        """As messages name it."""

    def compare(self, summaries: Sequence[Summary]) -> list[Outcome]:
        """What has to be done about each summary."""

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Do it for those that are not as they should be."""


class Points:
    """The points of daily_stats on one InfluxDB."""

    def __init__(self, points: DailyPoints) -> None:
        self._points = points
        self.name = points.url

    def compare(self, summaries: Sequence[Summary]) -> list[Outcome]:
        """Updated where a point has another value or stands, also, at another minute."""
        first = summaries[0].key
        found = self._points.read(first.cdn, first.day, sorted({one.key.stat for one in summaries}))
        return [self._outcome(summary, found.get(summary.key, {})) for summary in summaries]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Write them, then remove what an older maximum left behind."""
        del at
        self._points.write(summaries)

    @staticmethod
    def _outcome(summary: Summary, points: dict[int, float]) -> Outcome:
        if not points:
            return Outcome.CREATED
        wrong = is_missing(summary, points) or stale(summary, points)
        return Outcome.UPDATED if wrong else Outcome.UNCHANGED


class ReadRows(Protocol):
    """Reads the rows of a range of days."""

    def __call__(self, first: date, last: date, *, cdn: str | None = None) -> dict[Key, float]:
        """The values by key."""


class Rows:
    """The rows of stats_summary in SQL.

    Args:
        name: the database, as messages name it.
        read: reads rows.
        writer: writes them; None in a dry run.
    """

    def __init__(self, name: str, read: ReadRows, writer: Writer | None) -> None:
        self.name = name
        self._read = read
        self._writer = writer

    def compare(self, summaries: Sequence[Summary]) -> list[Outcome]:
        """Updated where a row has another value."""
        first = summaries[0].key
        found = self._read(first.day, first.day, cdn=first.cdn)
        return [
            Outcome.CREATED
            if summary.key not in found
            else Outcome.UNCHANGED
            if same(found[summary.key], summary.value)
            else Outcome.UPDATED
            for summary in summaries
        ]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Make or correct their rows."""
        if self._writer is not None:
            self._writer.save(summaries, at=at)


class Records:
    """The records of Traffic Ops, through its API; for one run, since what is read is kept."""

    def __init__(self, traffic_ops: TrafficOps) -> None:
        self._traffic_ops = traffic_ops
        self._known: dict[tuple[str, str], dict[Key, list[float]]] = {}
        self.name = traffic_ops.url

    def compare(self, summaries: Sequence[Summary]) -> list[Outcome]:
        """Created where there is no record, however its value: none is posted twice, none can be changed.

        A zero that has no record gets none.
        """
        return [self._outcome(summary) for summary in summaries]

    def write(self, summaries: Sequence[Summary], *, at: datetime) -> None:
        """Post them."""
        for summary in summaries:
            recorded = self._recorded(summary)
            self._traffic_ops.record_summary(DayRecord(**summary.key._asdict(), value=summary.value), at=at)
            recorded[summary.key] = [summary.value]

    def _outcome(self, summary: Summary) -> Outcome:
        values = self._recorded(summary).get(summary.key)
        if values is None:
            return Outcome.CREATED if summary.value else Outcome.ZERO
        return Outcome.UNCHANGED if any(same(value, summary.value) for value in values) else Outcome.DIFFERS

    def _recorded(self, summary: Summary) -> dict[Key, list[float]]:
        cdn, stat = summary.key.cdn, summary.key.stat
        if (cdn, stat) not in self._known:
            known: dict[Key, list[float]] = {}
            for record in self._traffic_ops.summaries(cdn=cdn, stat=stat):
                key = Key(record.cdn, record.deliveryservice, record.stat, record.day)
                known.setdefault(key, []).append(record.value)
            self._known[cdn, stat] = known
        return self._known[cdn, stat]


class Patience:
    """Uses a sink until it is down, and from then on fails at once."""

    def __init__(self, sink: Sink, *, dry_run: bool) -> None:
        self.name = sink.name
        self._sink = sink
        self._dry_run = dry_run
        self._failures = 0
        self._last: ServerError | None = None

    def apply(self, summaries: Sequence[Summary], *, at: datetime) -> list[Outcome]:
        """Bring the sink to what the summaries say, and tell what that took.

        Raises:
            TstatsError: it could not be done, or the sink is down.
        """
        if self._last is not None and self._failures >= _FAILURES_OF_AN_OUTAGE:
            raise self._last
        try:
            outcomes = self._sink.compare(summaries)
            changes = [
                summary
                for summary, outcome in zip(summaries, outcomes, strict=True)
                if outcome in (Outcome.CREATED, Outcome.UPDATED)
            ]
            if changes and not self._dry_run:
                self._sink.write(changes, at=at)
        except UnreachableError as error:
            self._failures, self._last = self._failures + 1, error
            raise
        self._failures = 0
        return outcomes


def combined(outcomes: Sequence[Outcome]) -> Outcome:
    """What became of a summary in all sinks, the authoritative one first.

    A zero that one of them could not take is told whatever the others did.

    >>> combined([Outcome.UNCHANGED, Outcome.CREATED]).value  # the row was there, its point was not
    'updated'
    """
    if Outcome.ZERO in outcomes:
        return Outcome.ZERO
    if outcomes[0] is Outcome.CREATED:
        return Outcome.CREATED
    if Outcome.CREATED in outcomes or Outcome.UPDATED in outcomes:
        return Outcome.UPDATED
    return Outcome.DIFFERS if Outcome.DIFFERS in outcomes else Outcome.UNCHANGED
