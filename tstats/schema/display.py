"""Shows the changes of a schema: as JSON for scripts, as a table for people."""

from typing import Any

import typer

from tstats.command.output import print_table
from tstats.schema.provision import REFUSED_LOSS, ChangeResult, InstanceReport

_COLUMNS = ("action", "kind", "name", "what", "result")


def as_json(report: InstanceReport) -> dict[str, Any]:
    """Return the report of one InfluxDB in the form that `--output json` promises."""
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
    print_table(_COLUMNS, rows, title=report.url, plain_heading=False)
    if report.unmanaged:
        names = ", ".join(
            f"{thing.kind} {_name(thing.database, thing.name, thing.kind)}" for thing in report.unmanaged
        )
        typer.echo(f"left alone, since the catalog does not name it: {names}")


def summary(report: InstanceReport, *, applied: bool) -> str:
    """Return the state of the InfluxDB in one line; `applied` is False where changes were only planned."""
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
    """Return the errors, one sentence each, with a remedy where an option is one."""
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
    name = _name(change.database, change.name, change.kind)
    return change.action, change.kind, name, change.detail, outcome
