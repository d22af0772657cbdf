"""The commands `tstats token …`: the tokens of an API without Traffic Ops."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command.app import new_app
from tstats.command.options import OptionalCfg, OutputFormat, UsageError, parsed
from tstats.command.output import Output, print_json, print_table, say

if TYPE_CHECKING:
    from tstats.api.access.token import Token
    from tstats.api.access.token_file import TokenFile

app = new_app("Create and revoke the tokens of the API.")

Name = Annotated[str, typer.Argument(help="Who or what the token is for.")]
File = Annotated[
    Path | None,
    typer.Option(
        "--file",
        envvar="TSTATS_API_TOKENS_FILE",
        help="The file of the tokens; takes precedence over the apiTokensFile of --cfg.",
        show_default=False,
    ),
]


@app.command()
def create(
    *,
    name: Name,
    write: Annotated[
        bool, typer.Option("--write", help="Let it record summaries, too (POST stats_summary).")
    ] = False,
    expires: Annotated[
        str, typer.Option(metavar="DURATION", help="How long it is valid: 12h, 90d, 6w, or never.")
    ] = "365d",
    cfg: OptionalCfg = None,
    file: File = None,
) -> None:
    """Create a token and print it.

    It is printed this once, since only a hash of it is kept. Send it as `Authorization: Bearer TOKEN` to an
    API whose apiAuth is "tokens". A running API accepts it at once.

    Exit status: 0 created; 1 a valid token of this name exists, or the file cannot be used; 2 wrong usage.
    """
    from tstats.api.access.token import expiry

    tokens = _tokens(cfg, file)
    now = datetime.now(UTC).replace(microsecond=0)
    ends = parsed(lambda text: expiry(text, now), expires, "--expires")
    made = tokens.create(name, write=write, expires=ends)
    typer.echo(made.reveal())
    rights = "read and record summaries" if write else "read"
    valid = f"until {_time(ends)}" if ends else "forever"
    say(f"{name} may {rights}, {valid}; the token is not shown again")


@app.command(name="list")
def list_(*, output: OutputFormat = Output.TEXT, cfg: OptionalCfg = None, file: File = None) -> None:
    """List the tokens, but do not show them.

    The columns are name, creation, expiry, rights and state.

    Exit status: 0 done; 1 the file cannot be used; 2 wrong usage.
    """
    now = datetime.now(UTC)
    tokens = [_as_data(token, now) for token in _tokens(cfg, file).read()]
    if output is Output.JSON:
        print_json(tokens)
    elif not tokens:
        typer.echo("no tokens")
    else:
        columns = ("NAME", "CREATED", "EXPIRES", "RIGHTS", "STATE")
        print_table(columns, [[cell or "never" for cell in token.values()] for token in tokens])


@app.command()
def revoke(*, name: Name, cfg: OptionalCfg = None, file: File = None) -> None:
    """Revoke a token.

    A running API refuses it from the next request on.

    Exit status: 0 revoked; 1 there is no token of this name, or the file cannot be used; 2 wrong usage.
    """
    _tokens(cfg, file).revoke(name)
    typer.echo(f"{name} is revoked")


def _tokens(cfg: Path | None, file: Path | None) -> "TokenFile":
    from tstats.api.access.token_file import TokenFile
    from tstats.config.loading import load

    if file:
        return TokenFile(file)
    if cfg:
        return TokenFile(load(cfg).tokens_file)
    raise UsageError("give --cfg or --file")


def _as_data(token: "Token", now: datetime) -> dict[str, str | None]:
    return {
        "name": token.name,
        "created": _time(token.created),
        "expires": _time(token.expires) if token.expires else None,
        "rights": "read-write" if token.write else "read",
        "state": token.state(now),
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
