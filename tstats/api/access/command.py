"""The commands `tstats token …`: the tokens of an API without Traffic Ops."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tstats.api.access.token import Token
    from tstats.api.access.token_file import TokenFile

token = typer.Typer(help='Make and revoke the tokens of an API with apiAuth "tokens".', no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Who or what the token is for.")]
Cfg = Annotated[
    Path | None,
    typer.Option(
        "--cfg", envvar="TSTATS_CFG", help="The configuration: its apiTokensFile.", show_default=False
    ),
]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        envvar="TSTATS_API_TOKENS_FILE",
        help="The file of the tokens; goes before --cfg.",
        show_default=False,
    ),
]


class Output(StrEnum):
    """How the list is printed."""

    TEXT = "text"
    JSON = "json"


@token.command()
def create(
    *,
    name: Name,
    write: Annotated[
        bool, typer.Option("--write", help="It may record summaries (POST stats_summary), too.")
    ] = False,
    expires: Annotated[str, typer.Option(help="It is good for so long: 12h, 90d, 6w, or never.")] = "365d",
    cfg: Cfg = None,
    file: File = None,
) -> None:
    """Make a token and print it: this once, since only a hash of it is kept.

    It is sent as `Authorization: Bearer TOKEN`. A running API knows it at once.

    Exit status: 0 it is made; 1 there is a good one of this name, or the file cannot be used; 2 wrong usage.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    from tstats.api.access.token import expiry

    tokens = _tokens(cfg, file)
    try:
        ends = expiry(expires, datetime.now(UTC).replace(microsecond=0))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--expires") from None
    made = tokens.create(name, write=write, expires=ends)
    typer.echo(made.reveal())
    rights = "read and record summaries" if write else "read"
    typer.echo(f"{name} may {rights}, {_until(ends)}; this is the only time that it is shown", err=True)


@token.command(name="list")
def list_(
    *,
    output: Annotated[Output, typer.Option(help="A table, or JSON for scripts.")] = Output.TEXT,
    cfg: Cfg = None,
    file: File = None,
) -> None:
    """List the tokens: name, when made, until when good, rights and state; never the tokens themselves.

    Exit status: 0; 1 the file cannot be used; 2 wrong usage.
    """
    import msgspec

    now = datetime.now(UTC)
    found = [_as_data(each, now) for each in _tokens(cfg, file).read()]
    if output is Output.JSON:
        typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    elif not found:
        typer.echo("no tokens")
    else:
        rows = [("NAME", "CREATED", "EXPIRES", "RIGHTS", "STATE"), *(tuple(row.values()) for row in found)]
        widths = [max(len(_shown(cell)) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (_shown(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
            typer.echo("  ".join(cells).rstrip())


@token.command()
def revoke(*, name: Name, cfg: Cfg = None, file: File = None) -> None:
    """End a token: a running API refuses it from its next request on.

    Exit status: 0 it is no longer good; 1 there is none of this name, or the file cannot be used; 2 wrong
    usage.
    """
    _tokens(cfg, file).revoke(name)
    typer.echo(f"{name} is revoked")


def _tokens(cfg: Path | None, file: Path | None) -> "TokenFile":
    from tstats.api.access.token_file import TokenFile
    from tstats.config import loading as config

    if file is None and cfg is None:
        raise typer.BadParameter("which tokens? Give --cfg or --file", param_hint="--cfg")
    return TokenFile(file or config.load(cfg or Path()).tokens_file)


def _as_data(found: "Token", now: datetime) -> dict[str, str | None]:
    return {
        "name": found.name,
        "created": _time(found.created),
        "expires": _time(found.expires) if found.expires else None,
        "rights": "read-write" if found.write else "read",
        "state": found.state(now),
    }


def _shown(cell: str | None) -> str:
    return cell or "never"


def _until(ends: datetime | None) -> str:
    return f"until {_time(ends)}" if ends else "without end"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
