"""What a run of summaries has done: as data, as text, and as log events."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from tstats.summaries.day import ALL
from tstats.summaries.sinks import SummaryOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLine:
    """The result for one summary, or for a CDN without points that day.

    Attributes:
        day, cdn, deliveryservice: what it summarizes; the delivery service is `all` for the CDN itself.
        stat: the statistic; empty if there are no points.
        value: in the unit of the statistic; None if there are no points.
        outcome: what was done, or in a dry run would be done.
        error: why it failed.
    """

    day: date
    cdn: str
    deliveryservice: str = ALL
    stat: str = ""
    value: float | None = None
    outcome: SummaryOutcome
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryReport:
    """What a run has done.

    Attributes:
        lines: by day, oldest first, then by CDN.
        problems: what ended the run early, such as an InfluxDB that does not answer.
        busy: whether the problem is another process that is summarizing.
    """

    lines: tuple[SummaryLine, ...] = ()
    problems: tuple[str, ...] = ()
    busy: bool = False

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is done."""
        return not self.problems and not any(line.outcome is SummaryOutcome.FAILED for line in self.lines)


_HEADER = ("day", "cdn", "delivery service", "stat", "value", "result")


def as_text(report: SummaryReport) -> Iterator[str]:
    """Yield the lines of a table; none if the report has none."""
    rows = [
        (
            line.day.isoformat(),
            line.cdn,
            line.deliveryservice,
            line.stat or "-",
            "-" if line.value is None else f"{line.value:.9g}",
            f"{line.outcome.value}: {line.error}" if line.error else line.outcome.value,
        )
        for line in report.lines
    ]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    for row in (_HEADER, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_data(report: SummaryReport, *, dry_run: bool) -> dict[str, Any]:
    """Return the report in the documented shape of `--output json`."""
    return {
        "ok": report.ok,
        "dryRun": dry_run,
        "summaries": [
            {
                "day": line.day.isoformat(),
                "cdn": line.cdn,
                "deliveryService": line.deliveryservice,
                "stat": line.stat or None,
                "value": line.value,
                "result": line.outcome.value,
                "error": line.error or None,
            }
            for line in report.lines
        ],
        "problems": list(report.problems),
    }


def log_report(
    report: SummaryReport, log: structlog.stdlib.BoundLogger, logged: set[tuple[object, ...]]
) -> None:
    """Log what changed and what failed, one event per CDN and day.

    Args:
        report: the report of one run.
        log: where to log.
        logged: what need not be logged again, such as a CDN that still has no points; this adds to it.
    """
    for problem in report.problems:
        if report.busy:
            log.info("summary_postponed", reason=problem)
        else:
            log.error("summary_failed", error=problem)
    groups: dict[tuple[date, str], list[SummaryLine]] = defaultdict(list)
    for line in report.lines:
        groups[line.day, line.cdn].append(line)
    without: dict[str, list[date]] = defaultdict(list)
    for (day, cdn), lines in groups.items():
        outcomes = [line.outcome for line in lines]
        where = {"day": day.isoformat(), "cdn": cdn}
        if SummaryOutcome.FAILED in outcomes:
            log.error("summary_failed", **where, error=lines[0].error)
        elif SummaryOutcome.CREATED in outcomes or SummaryOutcome.UPDATED in outcomes:
            counts = {
                outcome.value: outcomes.count(outcome)
                for outcome in (SummaryOutcome.CREATED, SummaryOutcome.UPDATED)
            }
            log.info("summarized", **where, **counts, **_values_of_cdn(lines))
        if SummaryOutcome.DIFFERS in outcomes and ("differs", day, cdn) not in logged:
            logged.add(("differs", day, cdn))
            log.warning("summary_differs", **where, remedy="Traffic Ops' API cannot change a record")
        if SummaryOutcome.ZERO in outcomes and ("zero", day, cdn) not in logged:
            logged.add(("zero", day, cdn))
            zeros = outcomes.count(SummaryOutcome.ZERO)
            log.info("summary_not_recorded", **where, zeros=zeros, reason="Traffic Ops' API refuses zeros")
        if SummaryOutcome.NO_POINTS in outcomes and ("without", day, cdn) not in logged:
            logged.add(("without", day, cdn))
            without[cdn].append(day)
    for cdn, days in without.items():
        first, last = days[0].isoformat(), days[-1].isoformat()
        log.warning("summary_without_points", cdn=cdn, days=len(days), first=first, last=last)


def _values_of_cdn(lines: Sequence[SummaryLine]) -> dict[str, float]:
    return {line.stat: line.value for line in lines if line.deliveryservice == ALL and line.value is not None}
