"""The command `tstats doctor`: what is right and what is wrong, on one screen."""

import shutil
from typing import Annotated

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import Cfg, OutputFormat, parsed
from tstats.command.output import Output, print_json
from tstats.core.time import parse_duration

app = new_app()


@app.command()
def doctor(
    *,
    cfg: Cfg,
    since: Annotated[
        str, typer.Option(metavar="DURATION", help="How far back to check the rollups: 2h, 26h.")
    ] = "2h",
    timeout: Annotated[
        float,
        typer.Option(
            min=1.0, max=3600.0, metavar="SECONDS", help="Timeout of each check; they run in parallel."
        ),
    ] = 20.0,
    details: Annotated[bool, typer.Option("--details", help="Show the details of each finding.")] = False,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Check everything, and name a remedy for each problem.

    Nothing is changed. The checks cover the configuration; the collector and its spool; Traffic Ops
    (reachability, login, inventory, parameters); the monitors of each CDN; each InfluxDB (version, login,
    schema, retention policies, its own metrics, the newest points, the rollups); the SQL schema and the
    summaries of the last seven days; and all their clocks. A failed check hides no other; a check that
    depends on it is reported as "not checked".

    Exit status: 0 nothing is wrong, though there may be warnings; 1 something is wrong, or the configuration
    cannot be used; 2 wrong usage.
    """
    from tstats.doctor.diagnose import diagnose
    from tstats.doctor.display import as_json, lines

    diagnosis = diagnose(cfg, seconds=timeout, since=parsed(parse_duration, since, "--since"))
    if output is Output.JSON:
        print_json(as_json(diagnosis))
    else:
        for line in lines(diagnosis, width=shutil.get_terminal_size((110, 50)).columns, details=details):
            typer.echo(line)
    if not diagnosis.ok:
        raise typer.Exit(exits.FAILED)
