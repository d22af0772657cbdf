"""The command `tstats summarize`: the summaries of finished days."""

import time
from datetime import datetime
from typing import Annotated

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import Cfg, OutputFormat, at_most_one, refuse
from tstats.command.output import Output, print_json

_WAIT_SECONDS = 60.0  # for a daemon that is summarizing
_FORMATS = ["%Y-%m-%d"]

app = new_app()


@app.command()
def summarize(
    *,
    cfg: Cfg,
    only: Annotated[
        datetime | None,
        typer.Option(
            "--date", metavar="YYYY-MM-DD", formats=_FORMATS, help="Only this day (UTC).", show_default=False
        ),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="YYYY-MM-DD", formats=_FORMATS, help="This day (UTC) and those after.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be done.")
    ] = False,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Record the peak and the total traffic of finished days.

    The peak in Gbps and the total in TB of each CDN are computed from the one-minute rollups in InfluxDB.
    They are written to its daily_stats and, depending on summarySink, to the SQL database (databaseUrl), to
    Traffic Ops' API, or both. Without --date and --since, every day is summarized whose points are complete.
    A day that is already recorded with the same value is left alone. tstats collect does the same
    automatically.

    Exit status: 0 everything is done; 1 something failed, or another process is summarizing; 2 wrong usage or
    invalid configuration.
    """
    from tstats.command import logs
    from tstats.config.loading import load
    from tstats.summaries.build import build_summarizer
    from tstats.summaries.report import as_data, as_text

    at_most_one({"--date": only is not None, "--since": since is not None})
    settings = load(cfg)
    summarizer = build_summarizer(settings, logs.get("summarize"))
    now = time.time_ns()
    try:
        last = summarizer.last_settled(now)
        for name, day in (("--date", only), ("--since", since)):
            if day is not None and day.date() > last:
                refuse(
                    f"{day:%Y-%m-%d} cannot be summarized until {settings.summary_settle_minutes} minutes"
                    f" after its end in UTC; the last day that can is {last}",
                    name,
                )
        report = summarizer.run(
            now,
            only=only and only.date(),
            since=since and since.date(),
            dry_run=dry_run,
            wait=_WAIT_SECONDS,
        )
    finally:
        summarizer.close()
    if output is Output.JSON:
        print_json(as_data(report, dry_run=dry_run), indent=None)
    else:
        for line in as_text(report):
            typer.echo(line)
        if report.ok and not report.lines:
            typer.echo("nothing to summarize: there are no points of a finished day")
    for problem in report.problems:
        exits.complain(problem)
    if not report.ok:
        raise typer.Exit(exits.FAILED)
