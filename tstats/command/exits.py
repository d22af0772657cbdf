"""The one place that turns what went wrong into a line on stderr and an exit status.

Every command of tstats ends here, so that a user never sees a traceback for a mistake or an outage.
"""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final, NoReturn

import typer

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
        app: its options and functions; a function raises `typer.Exit` for a status other than 0.
        arguments: what follows the command's name; None takes those of the process.
        go_flags: names of options that may have a single dash (`-url`), as in the Go tools.

    Raises:
        SystemExit: always. 0; what the command chose; 1 for a `TstatsError`; 2 for wrong usage and a wrong
            configuration; 130 after Ctrl-C.
    """
    given = sys.argv[1:] if arguments is None else arguments
    sys.exit(_status(app, [_with_two_dashes(argument, go_flags) for argument in given]))


def complain(text: str) -> None:
    """Print an error as one line on stderr, behind the name of the command."""
    print(f"{_name()}: error: {' '.join(text.split())}", file=sys.stderr)  # noqa: T201 (a command's own words)


def _name() -> str:
    return Path(sys.argv[0]).name


def _status(app: typer.Typer, arguments: Sequence[str]) -> int:
    try:
        status = app(args=arguments, prog_name=_name(), standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:  # wrong usage is one of these
        hint = f" ({_name()} --help tells the usage)" if error.exit_code == USAGE else ""
        complain(error.format_message().rstrip(".") + hint)
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
        # Who read our output has gone; the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status if isinstance(status, int) else DONE


def _with_two_dashes(argument: str, go_flags: Collection[str]) -> str:
    """`--url` for `-url` and `--url=X` for `-url=X`, where `url` is one of `go_flags`."""
    name = argument.partition("=")[0]
    return f"-{argument}" if name.startswith("-") and name[1:] in go_flags else argument
