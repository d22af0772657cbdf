"""The command `tstats doctor`: what is right and wrong, on one screen."""

import json
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tstats.command import exits
from tstats.core.time import parse_duration


class Output(StrEnum):
    """The form of the result on stdout."""

    TEXT = "text"
    JSON = "json"


def doctor(
    *,
    cfg: Annotated[
        Path,
        typer.Option(
            "--cfg", envvar="TSTATS_CFG", help="The configuration of tstats collect.", show_default=False
        ),
    ],
    since: Annotated[
        str, typer.Option(metavar="DURATION", help="How far back the rollups are looked at: 2h, 26h.")
    ] = "2h",
    timeout: Annotated[
        float,
        typer.Option(min=1.0, max=3600.0, metavar="SECONDS", help="For each check; they run side by side."),
    ] = 20.0,
    details: Annotated[bool, typer.Option("--details", help="Show what each finding is made of.")] = False,
    output: Annotated[Output, typer.Option(help="One screen for people, or JSON for scripts.")] = Output.TEXT,
) -> None:
    """Tell what is right and wrong, with the remedy beside each; changes nothing.

    Looks at the file, the collector and its spool, Traffic Ops (reachable, login, inventory, parameters), the
    monitors by CDN, each InfluxDB (version, login, schema, policies, its own figures, the newest points, the
    rollups), the SQL schema and the summaries of the last seven days, and the clocks of all of them. One
    check that fails hides no other; what needs a check that failed is "not checked".

    Exit status: 0 nothing is wrong (there may be warnings); 1 something is wrong, also where the
    configuration cannot be used; 2 wrong usage.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    from tstats.doctor.diagnose import diagnose
    from tstats.doctor.display import as_json, lines

    try:
        back = parse_duration(since)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    diagnosis = diagnose(cfg, seconds=timeout, since=back)
    if output is Output.JSON:
        json.dump(as_json(diagnosis), sys.stdout, indent=2)
        typer.echo()
    else:
        for line in lines(diagnosis, width=shutil.get_terminal_size((110, 50)).columns, details=details):
            typer.echo(line)
    if not diagnosis.ok:
        raise typer.Exit(exits.FAILED)
