"""What a run of summaries has done: as data, as text, and as events of the log."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog

from tstats.summaries.day import ALL
from tstats.summaries.sinks import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What became of one summary; of a CDN without points that is all there is to tell.

    Attributes:
        day, cdn, deliveryservice: what it is of; the delivery service is `all` for the CDN itself.
        stat: its statistic; empty where there are no points.
        value: in the unit of the statistic; None where there are no points.
        outcome: what was done; in a dry run, what would be.
        error: why it failed.
    """

    day: date
    cdn: str
    deliveryservice: str = ALL
    stat: str = ""
    value: float | None = None
    outcome: Outcome
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run has done.

    Attributes:
        lines: oldest day first, then by CDN.
        problems: what ended the run before its end, such as an InfluxDB that does not answer.
        busy: the problem is another process that summarizes at this moment.
    """

    lines: tuple[Line, ...] = ()
    problems: tuple[str, ...] = ()
    busy: bool = False

    @property
    def ok(self) -> bool:
        """Whether all that was asked is done."""
        return not self.problems and not any(line.outcome is Outcome.FAILED for line in self.lines)


_HEAD = ("day", "cdn", "delivery service", "stat", "value", "result")


def as_text(report: Report) -> Iterator[str]:
    """A table, line by line; nothing where there is nothing to tell."""
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
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    for row in (_HEAD, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def as_data(report: Report, *, dry_run: bool) -> dict[str, Any]:
    """The report for JSON."""
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


def tell(report: Report, log: structlog.stdlib.BoundLogger, told: set[tuple[object, ...]]) -> None:
    """Log what changed and what failed, an event for each CDN and day.

    Args:
        report: of one run.
        log: where to.
        told: what need not be said again, which this adds to: a CDN without points has none the next time.
    """
    for problem in report.problems:
        if report.busy:
            log.info("summary_postponed", reason=problem)
        else:
            log.error("summary_failed", error=problem)
    groups: dict[tuple[date, str], list[Line]] = defaultdict(list)
    for line in report.lines:
        groups[line.day, line.cdn].append(line)
    without: dict[str, list[date]] = defaultdict(list)
    for (day, cdn), lines in groups.items():
        outcomes = [line.outcome for line in lines]
        where = {"day": day.isoformat(), "cdn": cdn}
        if Outcome.FAILED in outcomes:
            log.error("summary_failed", **where, error=lines[0].error)
        elif Outcome.CREATED in outcomes or Outcome.UPDATED in outcomes:
            counts = {
                outcome.value: outcomes.count(outcome) for outcome in (Outcome.CREATED, Outcome.UPDATED)
            }
            log.info("summarized", **where, **counts, **_of_the_cdn(lines))
        if Outcome.DIFFERS in outcomes and ("differs", day, cdn) not in told:
            told.add(("differs", day, cdn))
            log.warning("summary_differs", **where, remedy="Traffic Ops has no call that changes a record")
        if Outcome.ZERO in outcomes and ("zero", day, cdn) not in told:
            told.add(("zero", day, cdn))
            zeros = outcomes.count(Outcome.ZERO)
            log.info("summary_not_recorded", **where, zeros=zeros, reason="Traffic Ops records no zero")
        if Outcome.NO_POINTS in outcomes and ("without", day, cdn) not in told:
            told.add(("without", day, cdn))
            without[cdn].append(day)
    for cdn, days in without.items():
        first, last = days[0].isoformat(), days[-1].isoformat()
        log.warning("summary_without_points", cdn=cdn, days=len(days), first=first, last=last)


def _of_the_cdn(lines: Sequence[Line]) -> dict[str, float]:
    return {line.stat: line.value for line in lines if line.deliveryservice == ALL and line.value is not None}
