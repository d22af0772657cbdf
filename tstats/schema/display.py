"""Shows what became of a schema: as JSON for scripts, as a table for people.

The table is drawn on a terminal only; elsewhere a change is one line of columns, which nothing cuts.
"""

import sys
from typing import Any

import typer

from tstats.schema.provision import REFUSED_LOSS, ChangeResult, InstanceReport

_COLUMNS = ("action", "kind", "name", "what", "result")


def as_json(report: InstanceReport) -> dict[str, Any]:
    """The report of one InfluxDB in the shape that `--output json` promises."""
    return {
        "url": report.url,
        "version": report.version,
        "in_sync": report.in_sync,
        "changes": [
            {
                "action": result.change.action,
                "kind": result.change.kind,
                "database": result.change.database,
                "name": result.change.name,
                "statement": "; ".join(result.change.statements),
                "applied": result.applied,
                "error": result.error,
            }
            for result in report.changes
        ],
        "unmanaged": [
            {"kind": thing.kind, "database": thing.database, "name": thing.name} for thing in report.unmanaged
        ],
        "error": report.error,
    }


def print_changes(report: InstanceReport) -> None:
    """Print the changes on stdout, and what was left alone."""
    rows = [_row(result) for result in report.changes]
    if rows and sys.stdout.isatty():
        _print_table(report.url, rows)
    else:
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())
    if report.unmanaged:
        names = ", ".join(
            f"{thing.kind} {_name(thing.database, thing.name, thing.kind)}" for thing in report.unmanaged
        )
        typer.echo(f"left alone, since the catalog does not name it: {names}")


def summary(report: InstanceReport, *, applied: bool) -> str:
    """One line that says how the InfluxDB stands; `applied` is False where changes were only planned."""
    count = len(report.changes)
    if report.error is not None and not count:
        return f"{report.url}: FAILED"
    if not applied:
        return f"{report.url}: in sync" if not count else f"{report.url}: {_counted(count)} needed"
    done = sum(result.applied for result in report.changes)
    if report.in_sync:
        return f"{report.url}: in sync, {_counted(done)} applied" if done else f"{report.url}: in sync"
    return f"{report.url}: NOT in sync, {done} of {_counted(count)} applied"


def errors(report: InstanceReport) -> list[str]:
    """What went wrong, one sentence each, with the remedy where an option is one."""
    found = [
        f"{report.url}: {result.change.action} {result.change.kind} "
        f"{_name(result.change.database, result.change.name, result.change.kind)}: {_reason(result)}"
        for result in report.changes
        if result.error is not None
    ]
    return found if report.error is None else [*found, report.error]


def _reason(result: ChangeResult) -> str:
    if result.error == REFUSED_LOSS:
        return f"{result.change.detail}: {REFUSED_LOSS} (--allow-data-loss allows it)"
    return str(result.error)


def _counted(count: int) -> str:
    return f"{count} change" if count == 1 else f"{count} changes"


def _name(database: str, name: str, kind: str) -> str:
    return name if kind == "database" else f"{database}.{name}"


def _row(result: ChangeResult) -> tuple[str, ...]:
    change = result.change
    if result.applied:
        outcome = "applied"
    elif result.error == REFUSED_LOSS:
        outcome = "refused"
    elif result.error is not None:
        outcome = "FAILED"
    else:
        outcome = "deletes points" if change.loses_data else "planned"
    row = (
        change.action,
        change.kind,
        _name(change.database, change.name, change.kind),
        change.detail,
        outcome,
    )
    return tuple(" ".join(cell.split()) for cell in row)


def _print_table(title: str, rows: list[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE  # noqa: PLC0415 (only a terminal needs it)
    from rich.console import Console  # noqa: PLC0415 (the same)
    from rich.table import Table  # noqa: PLC0415 (the same)
    from rich.text import Text  # noqa: PLC0415 (the same)

    table = Table(title=Text(title), title_justify="left", box=SIMPLE)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, since a name may hold what a string would have read as markup.
        table.add_row(*(Text(cell) for cell in row))
    Console(highlight=False).print(table)
