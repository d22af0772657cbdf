"""Show a sync: its progress on stderr, its result on stdout.

On a terminal there are a bar and a table; elsewhere plain lines, which are never cut.
"""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tstats.command.output import print_table, say
from tstats.sync.report import MeasurementReport, ShardReport, SyncProgress, SyncReport

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

# Seconds between two plain lines: the log of a long sync stays readable.
_PAUSE = 10.0
_COLUMNS = ("measurement", "compared", "different", "written", "target ahead", "only in target", "result")


@contextmanager
def progress() -> Iterator[SyncProgress]:
    """Show a bar on a terminal, otherwise a line now and then; all of it on stderr."""
    if not sys.stderr.isatty():
        yield _ProgressLines()
        return
    from rich.console import Console  # noqa: PLC0415 (only a terminal needs it)
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415 (the same)
    from rich.progress import Progress as Bar  # noqa: PLC0415 (the same)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} windows"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _ProgressBar(bar)


class _Rate:
    """Counts points and windows, and their rate since the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.number = 0
        self.windows = 0
        self.done = 0

    def add(self, points: int, *, windows: int = 0) -> None:
        with self._lock:
            self.number += points
            self.done += windows

    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def text(self) -> str:
        return f"{self.number:,} points, {self.number / max(self.seconds(), 0.001):,.0f}/s"


class _ProgressBar:
    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._rate = _Rate()
        self._task = bar.add_task("comparing the schema", total=None)

    def begin(self, windows: int) -> None:
        self._bar.update(self._task, total=windows)

    def points(self, number: int) -> None:
        self._rate.add(number)
        self._bar.update(self._task, description=self._rate.text())

    def window_done(self) -> None:
        self._bar.update(self._task, advance=1, description=self._rate.text())


class _ProgressLines:
    def __init__(self) -> None:
        self._rate = _Rate()
        self._next = _PAUSE

    def begin(self, windows: int) -> None:
        self._rate.windows = windows

    def points(self, number: int) -> None:
        self._rate.add(number)
        self._show_now_and_then()

    def window_done(self) -> None:
        self._rate.add(0, windows=1)
        self._show_now_and_then()

    def _show_now_and_then(self) -> None:
        seconds = self._rate.seconds()
        if seconds < self._next:
            return
        self._next = seconds + _PAUSE
        done, windows = self._rate.done, self._rate.windows
        left = f", {seconds / done * (windows - done):.0f} s left" if done else ""
        say(f"{self._rate.text()}, {done} of {windows} windows{left}")


def errors(report: SyncReport) -> list[str]:
    """Return what went wrong, a sentence each, with the measurement's name."""
    found = [f"{_name(row)}: {row.error}" for row in report.measurements if row.error is not None]
    return [report.error, *found] if report.error is not None else found


def print_report(report: SyncReport) -> None:
    """Print the changes of the schema, a table of the measurements and the result on stdout."""
    for change in report.schema_changes:
        state = "applied" if change["applied"] else change["error"] or "planned"
        database = "" if change["kind"] == "database" else f"{change['database']}."
        typer.echo(f"schema: {change['action']} {change['kind']} {database}{change['name']}: {state}")
    rows = [_row(measurement) for measurement in report.measurements]
    print_table(_COLUMNS, rows, numeric=_COLUMNS[1:-1])
    for line in _shards(report.shards):
        typer.echo(line)
    typer.echo(_summary(report))


def _name(report: MeasurementReport) -> str:
    return f"{report.database}.{report.retention_policy}.{report.measurement}"


def _row(report: MeasurementReport) -> tuple[str, ...]:
    counts = report.counts
    if report.error is not None:
        result = "FAILED"
    elif report.unwritten:
        result = f"{report.unwritten:,} to write"
    else:
        result = "verified" if report.verified else "equal"
    return (
        _name(report),
        f"{counts.windows_compared:,}",
        f"{counts.windows_different:,}",
        f"{counts.points_written:,}",
        f"{counts.points_target_ahead:,}",
        f"{counts.points_only_in_target:,}",
        result,
    )


def _shards(shards: Sequence[ShardReport]) -> Iterator[str]:
    """Say how many shards went which way, and why."""
    by_blocks = [shard for shard in shards if shard.by_blocks]
    if by_blocks:
        unchanged = sum(shard.unchanged for shard in by_blocks)
        equal = sum(shard.equal for shard in by_blocks) - unchanged
        different = len(by_blocks) - equal - unchanged
        yield (
            f"shards: {len(by_blocks):,} compared block by block: {unchanged:,} unchanged, {equal:,} equal,"
            f" {different:,} different; {sum(shard.bytes_uploaded for shard in by_blocks):,} bytes uploaded"
        )
    reasons = Counter(shard.reason for shard in shards if shard.reason is not None)
    for reason, number in sorted(reasons.items()):
        yield f"shards: {number:,} by queries: {reason}"


def _summary(report: SyncReport) -> str:
    totals = report.totals()
    if report.error is not None or report.failed:
        state = "FAILED"
    elif not report.in_sync:
        state = "NOT in sync"
    else:
        state = "in sync, verified" if totals.points_written else "in sync"
    return (
        f"{report.target}: {state}: {totals.points_written:,} points written, {totals.points_read:,} read"
        f" in {report.seconds:.1f} s"
    )
