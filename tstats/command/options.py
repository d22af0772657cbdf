"""The options that several commands have, and how a wrong one is refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

import typer

from tstats.command import exits
from tstats.command.output import Output
from tstats.errors import ConfigError

_Given = TypeVar("_Given")
_Parsed = TypeVar("_Parsed")

_CFG = typer.Option(
    "--cfg", envvar="TSTATS_CFG", help="The configuration file, traffic_stats.cfg.", show_default=False
)
Cfg = Annotated[Path, _CFG]
OptionalCfg = Annotated[Path | None, _CFG]
LogFormat = Annotated[
    Literal["text", "json"] | None, typer.Option(help="Overrides logFormat.", show_default=False)
]
OutputFormat = Annotated[Output, typer.Option("--output", help="text for people, json for scripts.")]
CaCert = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        readable=True,
        metavar="FILE",
        help="Trust the certificates in this file (PEM) instead of the system's.",
        show_default=False,
    ),
]
Retries = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="How often to repeat a request when the server cannot be reached, is too slow or answers 5xx."
        " A request that it refuses, such as one with a wrong password, is never repeated.",
    ),
]


class UsageError(typer.TyperException):
    """The options do not go together; the text names them."""

    exit_code = exits.USAGE


def refuse(text: str, option: str) -> NoReturn:
    """Refuse the value of an option.

    Raises:
        typer.BadParameter: always.
    """
    raise typer.BadParameter(text, param_hint=option)


def parsed(parse: Callable[[_Given], _Parsed], given: _Given, option: str) -> _Parsed:
    """Return the parsed value of an option.

    Args:
        parse: raises `ValueError` or `ConfigError` for a value that will not do.
        given: the value.
        option: its name.

    Raises:
        typer.BadParameter: `parse` refused the value.
    """
    try:
        return parse(given)
    except (ValueError, ConfigError) as error:
        refuse(str(error), option)


def at_most_one(options: Mapping[str, bool]) -> None:
    """Refuse options that are mutually exclusive.

    Args:
        options: by name, whether each was given.

    Raises:
        UsageError: two or more were given.
    """
    given = [name for name, was_given in options.items() if was_given]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are mutually exclusive")
