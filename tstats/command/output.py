"""What the commands print: results on stdout, as text or JSON; progress and retries on stderr."""

import json
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import typer


class Output(StrEnum):
    """The form of a result on stdout."""

    TEXT = "text"
    JSON = "json"


def say(text: str) -> None:
    """Print one line on stderr, since stdout is for results."""
    typer.echo(" ".join(text.split()), err=True)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print a value as JSON on stdout; on one line with `indent=None`."""
    typer.echo(json.dumps(value, indent=indent))


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    numeric: Collection[str] = (),
    plain_heading: bool = True,
) -> None:
    """Print a table on stdout; nothing where there are no rows.

    A terminal gets a table that folds what is too wide. Anything else gets aligned columns, one line per row,
    in which nothing is cut.

    Args:
        columns: their names.
        rows: a cell per column each; runs of white space become single spaces.
        title: above the table; terminals only.
        numeric: names of the columns to align to the right; terminals only.
        plain_heading: begin with the names of the columns elsewhere, too.
    """
    cells = [[" ".join(cell.split()) for cell in row] for row in rows]
    if not cells:
        return
    if sys.stdout.isatty():
        _print_rich_table(columns, cells, title=title, numeric=numeric)
        return
    lines = [columns, *cells] if plain_heading else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _print_rich_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str, numeric: Collection[str]
) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left", box=SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in numeric else "left")
    for row in rows:
        # As Text: a name may contain what a plain string would have read as markup.
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLines:
    """Says each retry on stderr: `retry 2 of 5 in 0.5 s: http://…/ping did not answer …`.

    Attributes:
        retries: the most there can be.
    """

    retries: int

    def __call__(self, what: str, *, attempt: int, error: Exception, wait: float) -> None:
        """Say that attempt number `attempt` failed, and will be repeated in `wait` seconds."""
        del what  # the error names the server and the request
        say(f"retry {attempt} of {self.retries} in {wait:.1f} s: {error}")


def now_and_then(seconds: float) -> Callable[[str], None]:
    """Return a function that says a line of progress, unless it said one in the last `seconds`."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            say(text)

    return tell
