"""The checks of the daily summaries: the SQL schema, and that every settled day is recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from tstats.db.database import UPGRADE, Database
from tstats.db.migrations import Migrations
from tstats.doctor.diagnosis import Finding, Verdict, format_count, format_names
from tstats.doctor.examine import Check, NotCheckedError
from tstats.summaries.report import SummaryLine, SummaryReport
from tstats.summaries.sinks import SummaryOutcome
from tstats.summaries.summarizer import Summarizer

_AREA = "summaries"
_DAYS = 7  # up to the last settled one
_RUN = "tstats summarize records what is missing; a running tstats collect does so too"
_REACH = "check that PostgreSQL is running and databaseUrl is right"
_FAULTS = (
    (SummaryOutcome.FAILED, Verdict.WRONG, "could not be compared", _REACH),
    (SummaryOutcome.CREATED, Verdict.WRONG, "missing", _RUN),
    (SummaryOutcome.UPDATED, Verdict.WARNING, "out of date", _RUN),
    (
        SummaryOutcome.DIFFERS,
        Verdict.WARNING,
        "recorded in Traffic Ops with another value",
        "the API of Traffic Ops cannot change a record: correct the row in its database, or leave it",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SqlSchemaCheck(Check):
    """The schema of the SQL database."""

    area: str = _AREA
    name: str = "SQL schema"
    remedy: str = _REACH
    database: Database

    def look(self) -> Iterator[Finding]:
        """Check that `tstats db check` would pass."""
        problems = Migrations(self.database).problems()
        if problems:
            texts = format_names(problem.removesuffix(f"; {UPGRADE}") for problem in problems)
            yield self.wrong(f"{self.database.name}: {texts}", "tstats db upgrade", problems)
        else:
            yield self.ok(f"{self.database.name} has the schema of this tstats")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DaysCheck(Check):
    """The summaries of the last days.

    Attributes:
        summarizer: compares them with what the points give, and changes nothing.
        clock: returns ns since the epoch.
    """

    area: str = _AREA
    name: str = "days"
    remedy: str = _RUN
    slow: Verdict = Verdict.WARNING
    summarizer: Summarizer
    clock: Callable[[], int]

    def look(self) -> Iterator[Finding]:
        """Check that each settled day is recorded with what its points give."""
        now = self.clock()
        last = self.summarizer.last_settled(now)
        report = self.summarizer.run(now, since=last - timedelta(days=_DAYS - 1), dry_run=True)
        yield self._judge(report)

    def _judge(self, report: SummaryReport) -> Finding:
        if report.problems:
            return self.wrong("; ".join(report.problems))
        details = [
            f"{_name(line)} {line.deliveryservice} {line.stat}".rstrip()
            + f": {line.outcome.value} {line.error}".rstrip()
            for line in report.lines
            if line.outcome is not SummaryOutcome.UNCHANGED
        ]
        for outcome, verdict, fault, remedy in _FAULTS:
            names = [_name(line) for line in report.lines if line.outcome is outcome]
            if names:
                summaries = format_count(len(names), "summary", "summaries")
                text = f"{summaries} {fault}: {format_names(dict.fromkeys(names))}"
                return self.finding(verdict, text, remedy, details)
        days = {line.day for line in report.lines}
        if not days:
            raise NotCheckedError("no settled day has points yet")
        text = f"{format_count(len(days), 'day')} up to {max(days)} recorded"
        empty = sorted(
            {(line.day, line.cdn) for line in report.lines if line.outcome is SummaryOutcome.NO_POINTS}
        )
        if empty:
            text += f"; no points for {format_names(f'{cdn} on {day}' for day, cdn in empty)}"
        return self.ok(text, details)


def _name(line: SummaryLine) -> str:
    return f"{line.day} {line.cdn}"
