"""The commands `tstats db …`: the schema of the SQL database."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command import exits

if TYPE_CHECKING:
    from tstats.db.migrations import Migrations

db = typer.Typer(
    help="Set up and migrate the SQL database that the daily summaries are in.", no_args_is_help=True
)
_REVISION = re.compile(r"head|base|[+-]\d+|\d{4}")

Url = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="TSTATS_DATABASE_URL",
        help="sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE; goes before --cfg.",
        show_default=False,
    ),
]
Cfg = Annotated[
    Path | None,
    typer.Option(
        "--cfg", envvar="TSTATS_CFG", help="The configuration: its databaseUrl.", show_default=False
    ),
]
LockTimeout = Annotated[
    float, typer.Option("--lock-timeout", min=0.001, help="Seconds to wait for another session's lock.")
]
StatementTimeout = Annotated[
    float,
    typer.Option("--statement-timeout", min=0.001, help="Seconds that a statement may take (PostgreSQL)."),
]


@db.command()
def upgrade(
    *,
    revision: Annotated[str, typer.Argument(help="head, a revision, or +N.")] = "head",
    database_url: Url = None,
    cfg: Cfg = None,
    lock_timeout: LockTimeout = 10.0,
    statement_timeout: StatementTimeout = 600.0,
) -> None:
    """Bring the schema up to what this version needs.

    Traffic Ops' stats_summary is adopted as it is. Its duplicates move to an archive table, and it gets a key
    over (cdn, delivery service, stat, date). On PostgreSQL writers are not blocked; a SQLite file is copied
    before.

    Exit status: 0 the schema is there; 1 it is not, and the message says why; 2 wrong usage.
    """
    _refuse_no_revision(revision)
    waits = {"lock_seconds": lock_timeout, "statement_seconds": statement_timeout}
    _say(_migrations(database_url, cfg, **waits).upgrade(revision))


@db.command(context_settings={"ignore_unknown_options": True})  # or -1 would be one
def downgrade(
    *,
    revision: Annotated[str, typer.Argument(help="base, a revision, or -N.")],
    database_url: Url = None,
    cfg: Cfg = None,
    lock_timeout: LockTimeout = 10.0,
    statement_timeout: StatementTimeout = 600.0,
) -> None:
    """Take the schema back; every archived row comes back with its id.

    Exit status: 0 it is back; 1 it is not, and the message says why; 2 wrong usage.
    """
    _refuse_no_revision(revision)
    waits = {"lock_seconds": lock_timeout, "statement_seconds": statement_timeout}
    _say(_migrations(database_url, cfg, **waits).downgrade(revision))


@db.command()
def current(*, database_url: Url = None, cfg: Cfg = None) -> None:
    """Show the revision of the database.

    Exit status: 0; 1 the database cannot be read, or is newer than this version; 2 wrong usage.
    """
    migrations = _migrations(database_url, cfg)
    found = migrations.current()
    _say([f"{found or 'base'}{' (head)' if found == migrations.names[-1] else ''}"])


@db.command()
def history(*, database_url: Url = None, cfg: Cfg = None) -> None:
    """List the revisions, oldest first; those that the database has are marked.

    Exit status: 0; 1 the database cannot be read, or is newer than this version; 2 wrong usage.
    """
    _say(
        f"{'*' if revision.applied else ' '} {revision.name}  {revision.text}"
        for revision in _migrations(database_url, cfg).history()
    )


@db.command()
def check(*, database_url: Url = None, cfg: Cfg = None) -> None:
    """Check that the schema is what this version expects.

    Exit status: 0 it is; 3 it is not, and the lines say how; 1 the database cannot be read, or is newer than
    this version; 2 wrong usage.
    """
    problems = _migrations(database_url, cfg).problems()
    _say(problems or ["the schema is what this tstats expects"])
    if problems:
        raise typer.Exit(exits.DIFFERS)


def _refuse_no_revision(text: str) -> None:
    if not _REVISION.fullmatch(text):
        raise typer.BadParameter("head, base, a revision such as 0002, +N or -N", param_hint="REVISION")


def _migrations(url: str | None, cfg: Path | None, **waits: float) -> "Migrations":
    if not url and not cfg:
        raise typer.BadParameter("which database? Give --database-url or --cfg", param_hint="--database-url")
    # Imported late: `--help` shall not wait for what only the work needs.
    from tstats.config import loading as config
    from tstats.core.secret import Secret
    from tstats.db.database import Database

    given = config.load(cfg).summary_database if cfg and not url else Secret(url or "")
    database = Database(given, **waits)
    from tstats.db.migrations import Migrations

    return Migrations(database)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)
