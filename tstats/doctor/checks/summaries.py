"""The checks of the daily summaries: the SQL schema, and that each settled day has its records."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import timedelta

import structlog

from tstats.config.settings import Settings
from tstats.core.time import SECOND
from tstats.db.database import UPGRADE, Database
from tstats.db.migrations import Migrations
from tstats.doctor.diagnosis import Finding, Verdict, counted, shown
from tstats.doctor.examine import Check
from tstats.summaries.build import build_summarizer
from tstats.summaries.report import SummaryLine
from tstats.summaries.sinks import SummaryOutcome

_AREA = "summaries"
_DAYS = 7  # looked at, up to the last settled one
_RUN = "tstats summarize does what is missing; tstats collect does it by itself"
_REACH = "is PostgreSQL running, and databaseUrl right?"


def checks(
    settings: Settings, *, logins: Sequence[Check], traffic_ops: Check, clock: Callable[[], float]
) -> list[Check]:
    """The checks.

    Args:
        settings: the whole configuration.
        logins: those of the InfluxDBs, which have to have ended.
        traffic_ops: that of its login, needed where summaries go through its API.
        clock: seconds since the epoch.
    """
    needs = [traffic_ops] if settings.summary_sink in ("trafficOps", "both") else []
    found = []
    if settings.summary_sink in ("database", "both"):
        schema = Check(area=_AREA, name="SQL schema", look=lambda: _schema(settings, schema), remedy=_REACH)
        found.append(schema)
        needs.append(schema)
    days = Check(
        area=_AREA,
        name="days",
        look=lambda: _days(settings, days, int(clock() * SECOND)),
        remedy=_RUN,
        needs=needs,
        after=logins,
        slow=Verdict.WARNING,
    )
    return [*found, days]


def _schema(settings: Settings, check: Check) -> Iterator[Finding]:
    database = Database(settings.summary_database)
    problems = Migrations(database).problems()
    if problems:
        text = f"{database.name}: {shown(problem.removesuffix(f'; {UPGRADE}') for problem in problems)}"
        yield check.finding(Verdict.WRONG, text, "tstats db upgrade", problems)
    else:
        yield check.finding(Verdict.OK, f"{database.name} has the schema of this tstats")


def _days(settings: Settings, check: Check, now: int) -> Iterator[Finding]:
    with closing(build_summarizer(settings, structlog.get_logger())) as summarizer:
        last = summarizer.last_settled(now)
        report = summarizer.run(now, since=last - timedelta(days=_DAYS - 1), dry_run=True)
    if report.problems:
        yield check.finding(Verdict.WRONG, "; ".join(report.problems), check.remedy)
        return
    details = [
        f"{_name(line)} {line.deliveryservice} {line.stat}: {line.outcome.value} {line.error}".rstrip()
        for line in report.lines
        if line.outcome is not SummaryOutcome.UNCHANGED
    ]
    for outcome, verdict, text, remedy in (
        (SummaryOutcome.FAILED, Verdict.WRONG, "could not be compared", _REACH),
        (SummaryOutcome.CREATED, Verdict.WRONG, "missing", _RUN),
        (SummaryOutcome.UPDATED, Verdict.WARNING, "not what the points give now", _RUN),
        (
            SummaryOutcome.DIFFERS,
            Verdict.WARNING,
            "recorded in Traffic Ops with another value",
            "Traffic Ops has no call that changes a record: correct the row in its database, or leave it",
        ),
    ):
        lines = [line for line in report.lines if line.outcome is outcome]
        if lines:
            summaries = counted(len(lines), "summary", "summaries")
            yield check.finding(
                verdict, f"{summaries} {text}: {shown(dict.fromkeys(map(_name, lines)))}", remedy, details
            )
            return
    days = {line.day for line in report.lines}
    if not days:
        yield check.finding(Verdict.NOT_CHECKED, "no settled day has points yet")
        return
    without = {(line.day, line.cdn) for line in report.lines if line.outcome is SummaryOutcome.NO_POINTS}
    text = f"{counted(len(days), 'day')} up to {max(days)} recorded"
    if without:
        text += f"; no points of {shown(f'{cdn} on {day}' for day, cdn in sorted(without))}"
    yield check.finding(Verdict.OK, text, details=details)


def _name(line: SummaryLine) -> str:
    return f"{line.day} {line.cdn}"
