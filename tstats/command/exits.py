"""The only place that turns an error into a line on stderr and an exit status.

Every command ends here, so that nobody sees a traceback for a mistake of theirs or an outage.
"""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NoReturn

import typer

from tstats.command.output import say
from tstats.errors import ConfigError, TstatsError

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
DIFFERS: Final = 3
INTERRUPTED: Final = 130


def run(
    app: typer.Typer, arguments: Sequence[str] | None = None, *, go_flags: Collection[str] = ()
) -> NoReturn:
    """Run a command and end the process with its exit status.

    Args:
        app: the command; it raises `typer.Exit` for a status other than 0.
        arguments: those after the command's name; None takes the arguments of the process.
        go_flags: names of options that may have a single dash (`-url`), as in the Go tools.

    Raises:
        SystemExit: always. 0; what the command chose; 1 for a `TstatsError`; 2 for wrong usage or an
            invalid configuration; 130 after Ctrl-C.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_status(app, [_with_two_dashes(argument, go_flags) for argument in given]))


def complain(text: str) -> None:
    """Print an error as one line on stderr, after the name of the command."""
    say(f"{_name()}: error: {text}")


def _name() -> str:
    return Path(sys.argv[0]).name


def _status(app: typer.Typer, arguments: Sequence[str]) -> int:
    try:
        status = app(args=arguments, prog_name=_name(), standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:  # wrong usage, above all
        _explain(error)
        return error.exit_code
    except ConfigError as error:
        complain(str(error))
        return USAGE
    except TstatsError as error:
        complain(str(error))
        return FAILED
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our stdout has gone away; the interpreter would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status if isinstance(status, int) else DONE


def _explain(error: typer.TyperException) -> None:
    text = error.format_message()
    if text.startswith("Usage: "):  # a group was called without a subcommand: the text is its help
        typer.echo(text, err=True)
        return
    text = text.rstrip(".").replace(": Value error, ", ": ")  # which is how pydantic begins
    path = getattr(getattr(error, "ctx", None), "command_path", _name())
    complain(f"{text} (see {path} --help)" if error.exit_code == USAGE else text)


def _with_two_dashes(argument: str, go_flags: Collection[str]) -> str:
    """Return `--url` for `-url` and `--url=X` for `-url=X`, where `url` is one of `go_flags`."""
    name = argument.partition("=")[0]
    return f"-{argument}" if name.startswith("-") and name[1:] in go_flags else argument
