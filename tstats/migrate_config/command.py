"""The command `tstats migrate-config`: what changes for who moves over from Go's traffic_stats."""

import contextlib
import json
import os
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tstats.command import exits
from tstats.errors import ConfigError, TstatsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tstats.migrate_config.migration import ConfigMigration


class Output(StrEnum):
    """The form of the result on stdout."""

    TEXT = "text"
    JSON = "json"


def migrate_config(
    *,
    old: Annotated[Path, typer.Argument(metavar="OLD.cfg", help="Go's traffic_stats.cfg.")],
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW.cfg", help="Write the converted file, for its owner only.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    output: Annotated[Output, typer.Option(help="Lines for people, or JSON for scripts.")] = Output.TEXT,
) -> None:
    """Tell what changes when tstats takes over from Go's traffic_stats with its file.

    tstats reads that file as it is, but for what it refuses. The converted file leaves out what is refused or
    ignored, and keeps Go's way where the default of tstats is another. No password is shown.

    Exit status: 0 it is told, and written; 1 the new file was not written, or tstats collect cannot start
    with it yet; 2 the old file cannot be read, or wrong usage.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    from tstats.migrate_config.migration import plan_migration

    move = plan_migration(old)
    left = None
    if write is not None:
        left = _written(write, move.converted, force=force)
    if output is Output.JSON:
        json.dump(_as_json(move, write, left), sys.stdout, indent=2)
        typer.echo()
    else:
        for line in _lines(old, move, write):
            typer.echo(line)
    if left is not None:
        exits.complain(f"tstats collect cannot start with {write} yet: {left}")
        raise typer.Exit(exits.FAILED)


def _written(path: Path, converted: "Mapping[str, Any]", *, force: bool) -> str | None:
    """Write the file, whole or not at all; why tstats cannot start with it yet, None where it can."""
    from tstats.config import loading as config

    text = json.dumps(converted, indent=2) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
        new = Path(name)
        try:
            with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 (a handle, which closes with it)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if force:
                new.replace(path)
            else:
                path.hardlink_to(new)
        finally:
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
    except FileExistsError:
        raise TstatsError(f"{path} is there already: give another name, or --force to replace it") from None
    except OSError as error:
        raise TstatsError(f"{path} cannot be written: {error.strerror}") from None
    try:
        config.load(path, {}, to_collect=True)
    except ConfigError as error:
        return str(error)
    return None


def _as_json(move: "ConfigMigration", written: Path | None, left: str | None) -> dict[str, Any]:
    return {
        "startsAsItIs": move.problem is None,
        "problem": move.problem,
        "notes": [
            {"kind": note.kind.value, "key": note.key, "text": note.text or None} for note in move.notes
        ],
        "written": None if written is None else str(written),
        "problemLeft": left,
    }


def _lines(old: Path, move: "ConfigMigration", written: Path | None) -> "Iterator[str]":
    from tstats.migrate_config.migration import NoteKind

    same = ", ".join(note.key for note in move.of(NoteKind.SAME))
    if same:
        yield f"{NoteKind.SAME}:"
        yield f"  {same}"
    for kind in NoteKind:
        notes = move.of(kind) if kind is not NoteKind.SAME else ()
        if notes:
            yield f"{kind}:"
        for note in notes:
            yield f"  {note.key}: {note.text}"
    yield ""
    if move.problem is None:
        yield f"tstats collect starts with {old} as it is"
    else:
        yield f"tstats collect does not start with {old} as it is: {move.problem}"
    if written is not None:
        yield f"written: {written}, which only its owner can read"
