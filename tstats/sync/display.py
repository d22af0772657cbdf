"""Shows a sync: its progress on stderr, its result on stdout.

On a terminal there are a bar and a table; elsewhere plain lines, which nothing cuts.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tstats.command.output import say
from tstats.sync.report import MeasurementReport, Progress, SyncReport

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

# Between two plain lines, in seconds: a log of a long sync stays readable.
_PAUSE = 10.0
_COLUMNS = ("measurement", "compared", "different", "written", "target ahead", "only in target", "result")


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on a terminal, else a line now and then; all of it on stderr."""
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
    """Counts points, and their rate since the beginning."""

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
    """What went wrong, one sentence each, with the measurement's name."""
    found = [f"{_name(one)}: {one.error}" for one in report.measurements if one.error is not None]
    return [report.error, *found] if report.error is not None else found


def print_report(report: SyncReport) -> None:
    """Print the changes of the schema, a table of the measurements and the result on stdout."""
    for change in report.schema_changes:
        state = "applied" if change["applied"] else change["error"] or "planned"
        database = "" if change["kind"] == "database" else f"{change['database']}."
        typer.echo(f"schema: {change['action']} {change['kind']} {database}{change['name']}: {state}")
    rows = [_row(one) for one in report.measurements]
    if rows and sys.stdout.isatty():
        _print_table(rows)
    elif rows:
        widths = [max(len(row[place]) for row in (_COLUMNS, *rows)) for place in range(len(_COLUMNS))]
        for row in (_COLUMNS, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
    typer.echo(_summary(report))


def _name(one: MeasurementReport) -> str:
    return f"{one.database}.{one.retention_policy}.{one.measurement}"


def _row(one: MeasurementReport) -> tuple[str, ...]:
    counts = one.counts
    if one.error is not None:
        result = "FAILED"
    elif one.unwritten:
        result = f"{one.unwritten:,} to write"
    else:
        result = "verified" if one.verified else "equal"
    return (
        " ".join(_name(one).split()),
        f"{counts.windows_compared:,}",
        f"{counts.windows_different:,}",
        f"{counts.points_written:,}",
        f"{counts.points_target_ahead:,}",
        f"{counts.points_only_in_target:,}",
        result,
    )


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


def _print_table(rows: list[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE  # noqa: PLC0415 (only a terminal needs it)
    from rich.console import Console  # noqa: PLC0415 (the same)
    from rich.table import Table  # noqa: PLC0415 (the same)
    from rich.text import Text  # noqa: PLC0415 (the same)

    table = Table(box=SIMPLE)
    for place, column in enumerate(_COLUMNS):
        numeric = 0 < place < len(_COLUMNS) - 1
        table.add_column(column, overflow="fold", justify="right" if numeric else "left")
    for row in rows:
        # Text, since a name may hold what a string would have read as markup.
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)
