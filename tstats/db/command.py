"""The commands `tstats db …`: the schema of the SQL database."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import OptionalCfg, UsageError, refuse

if TYPE_CHECKING:
    from tstats.db.migrations import Migrations

app = new_app("Create and migrate the SQL database of the daily summaries.")

_REVISION = re.compile(r"head|base|[+-]\d+|\d{4}")

Url = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="TSTATS_DATABASE_URL",
        help="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; takes precedence over"
        " the databaseUrl of --cfg.",
        show_default=False,
    ),
]
LockTimeout = Annotated[
    float, typer.Option("--lock-timeout", min=0.001, help="Seconds to wait for another session's lock.")
]
StatementTimeout = Annotated[
    float,
    typer.Option("--statement-timeout", min=0.001, help="Seconds that a statement may take (PostgreSQL)."),
]


@app.command()
def upgrade(
    *,
    revision: Annotated[str, typer.Argument(help="head, a revision, or +N.")] = "head",
    database_url: Url = None,
    cfg: OptionalCfg = None,
    lock_timeout: LockTimeout = 10.0,
    statement_timeout: StatementTimeout = 600.0,
) -> None:
    """Upgrade the schema to what this version needs.

    An existing stats_summary of Traffic Ops is taken over: its duplicates move to an archive table, and it
    gets a unique key over (cdn, delivery service, stat, date). On PostgreSQL writers are not blocked; a
    SQLite file is copied first.

    Exit status: 0 the schema is up to date; 1 it is not, and the message says why; 2 wrong usage.
    """
    _check_revision(revision)
    waits = {"lock_seconds": lock_timeout, "statement_seconds": statement_timeout}
    _print(_migrations(database_url, cfg, **waits).upgrade(revision))


@app.command(context_settings={"ignore_unknown_options": True})  # or -1 would be an option
def downgrade(
    *,
    revision: Annotated[str, typer.Argument(help="base, a revision, or -N.")],
    database_url: Url = None,
    cfg: OptionalCfg = None,
    lock_timeout: LockTimeout = 10.0,
    statement_timeout: StatementTimeout = 600.0,
) -> None:
    """Downgrade the schema and restore the archived rows.

    Each row gets its id back.

    Exit status: 0 done; 1 not done, and the message says why; 2 wrong usage.
    """
    _check_revision(revision)
    waits = {"lock_seconds": lock_timeout, "statement_seconds": statement_timeout}
    _print(_migrations(database_url, cfg, **waits).downgrade(revision))


@app.command()
def current(*, database_url: Url = None, cfg: OptionalCfg = None) -> None:
    """Show the revision of the database.

    Exit status: 0 done; 1 the database cannot be read, or is newer than this version; 2 wrong usage.
    """
    migrations = _migrations(database_url, cfg)
    found = migrations.current()
    _print([f"{found or 'base'}{' (head)' if found == migrations.names[-1] else ''}"])


@app.command()
def history(*, database_url: Url = None, cfg: OptionalCfg = None) -> None:
    """List the revisions, oldest first; mark the applied ones.

    Exit status: 0 done; 1 the database cannot be read, or is newer than this version; 2 wrong usage.
    """
    _print(
        f"{'*' if revision.applied else ' '} {revision.name}  {revision.text}"
        for revision in _migrations(database_url, cfg).history()
    )


@app.command()
def check(*, database_url: Url = None, cfg: OptionalCfg = None) -> None:
    """Check that the schema is what this version expects.

    Exit status: 0 it is; 3 it is not, and the output says how it differs; 1 the database cannot be read, or
    is newer than this version; 2 wrong usage.
    """
    problems = _migrations(database_url, cfg).problems()
    _print(problems or ["the schema is what this tstats expects"])
    if problems:
        raise typer.Exit(exits.DIFFERS)


def _check_revision(text: str) -> None:
    if not _REVISION.fullmatch(text):
        refuse("write head, base, a revision such as 0002, +N or -N", "REVISION")


def _migrations(url: str | None, cfg: Path | None, **waits: float) -> "Migrations":
    from tstats.config.loading import load
    from tstats.core.secret import Secret
    from tstats.db.database import Database
    from tstats.db.migrations import Migrations

    if url:
        return Migrations(Database(Secret(url), **waits))
    if cfg:
        return Migrations(Database(load(cfg).summary_database, **waits))
    raise UsageError("give --database-url or --cfg")


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
