"""Formats the report of an InfluxDB's rollups: as JSON for scripts, as lines for people."""

from collections.abc import Iterable, Iterator
from typing import Any

from tstats.core.time import HOUR, format_time
from tstats.core.windows import Window
from tstats.rollups.plan import merged
from tstats.rollups.report import RollupOutcome, RollupReport


def window_as_json(window: Window) -> dict[str, str]:
    """Return `start` and `end` (exclusive) as RFC 3339 in UTC."""
    return {"start": format_time(window.start), "end": format_time(window.end)}


def as_json(report: RollupReport) -> dict[str, Any]:
    """Return the report of one InfluxDB in the documented shape of `--output json`."""
    return {
        "url": report.url,
        "error": report.error,
        "rollups": [_outcome_as_json(outcome) for outcome in report.outcomes],
    }


def _outcome_as_json(outcome: RollupOutcome) -> dict[str, Any]:
    finding = outcome.finding
    return {
        "name": finding.rollup.name,
        "database": finding.rollup.database,
        "checked": None if finding.checked is None else window_as_json(finding.checked),
        "missing": _windows(finding.missing),
        "stale": _windows(finding.stale),
        "carried": _windows(finding.carried),
        "unproven": _windows(finding.unproven),
        "recomputed": _windows(outcome.recomputed),
        "points": outcome.points,
        "left": _windows(outcome.left),
        "error": finding.error or outcome.error,
    }


def _windows(windows: Iterable[Window]) -> list[dict[str, str]]:
    return [window_as_json(window) for window in windows]


def errors(report: RollupReport) -> Iterator[str]:
    """Yield what went wrong, one line each; the text names the server."""
    if report.error:
        yield report.error
    for outcome in report.outcomes:
        name = outcome.finding.rollup.name
        if error := outcome.finding.error or outcome.error:
            yield f"{name}: {error}"
        if outcome.left:
            windows = ", ".join(map(str, outcome.left))
            yield f"{report.url}: {name} still differs from its source in {windows}; run the repair again"


def lines(report: RollupReport, *, applied: bool) -> Iterator[str]:
    """Yield a line for each window of each rollup, then a summary of the InfluxDB."""
    for outcome in report.outcomes:
        finding = outcome.finding
        kinds = (
            [("computed", outcome.recomputed)]
            if applied
            else [
                ("missing", finding.missing),
                ("stale", finding.stale),
                ("source is missing or stale", finding.carried),
                ("unproven", finding.unproven),
            ]
        )
        for kind, windows in kinds:
            for window in windows:
                intervals = _counted(window.length // finding.rollup.interval, "interval")
                yield f"{report.url}: {finding.rollup.name}: {kind} {window} ({intervals})"
    yield f"{report.url}: {_summary(report, applied=applied)}"


def _summary(report: RollupReport, *, applied: bool) -> str:
    if report.error:
        return "FAILED"
    failed = sum(outcome.failed for outcome in report.outcomes)
    ending = f"; {failed} FAILED" if failed else ""
    rollups = _counted(len(report.outcomes), "rollup")
    if applied:
        computed = sum(1 for outcome in report.outcomes if outcome.recomputed)
        points = sum(outcome.points for outcome in report.outcomes)
        return f"{rollups}, {computed} computed in part or whole, {_counted(points, 'point')} written{ending}"
    broken = sum(1 for finding in report.findings if finding.windows)
    found = f"{broken} with something missing or stale" if broken else "nothing missing or stale found"
    unproven = merged(window for finding in report.findings for window in finding.unproven)
    if unproven:
        hours = sum(window.length for window in unproven) / HOUR
        ending = f"; {hours:.0f} h unproven (--thorough compares them){ending}"
    return f"{rollups}, {found}{ending}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
