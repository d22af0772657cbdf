"""The command `tstats summarize`: the summaries of finished days."""

import time
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tstats.command import exits

_WAIT_SECONDS = 60.0  # for a daemon that summarizes at this moment
_FORMATS = ["%Y-%m-%d"]


class Output(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"


def summarize(
    *,
    cfg: Annotated[
        Path,
        typer.Option(
            "--cfg", envvar="TSTATS_CFG", help="The configuration of tstats collect.", show_default=False
        ),
    ],
    only: Annotated[
        datetime | None,
        typer.Option("--date", formats=_FORMATS, help="This day (UTC) only.", show_default=False),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_FORMATS, help="From this day (UTC) on.", show_default=False)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    output: Annotated[Output, typer.Option(help="A table, or JSON for scripts.")] = Output.TEXT,
) -> None:
    """Summarize finished days: the maximum in Gbps and the sum in TB of each CDN.

    They are computed from the one-minute rollups in InfluxDB and go to its daily_stats and, by summarySink,
    to the SQL database (databaseUrl), through Traffic Ops' API, or both. Without --date and --since: every
    day that still has all its points. A day that is recorded already, with this value, is left as it is;
    tstats collect does the same by itself.

    Exit status: 0 all is done; 1 something failed, or another process summarizes now; 2 wrong usage or
    configuration.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    import msgspec

    from tstats.command import logs
    from tstats.config import loading as config
    from tstats.summaries.build import build_summarizer
    from tstats.summaries.report import as_data, as_text

    if only is not None and since is not None:
        raise typer.BadParameter("either this or --since", param_hint="--date")
    settings = config.load(cfg)
    summarizer = build_summarizer(settings, logs.get("summarize"))
    now = time.time_ns()
    try:
        last = summarizer.last_settled(now)
        for name, day in (("--date", only), ("--since", since)):
            if day is not None and day.date() > last:
                raise typer.BadParameter(
                    f"{day:%Y-%m-%d} has not settled, {settings.summary_settle_minutes} minutes after its end"
                    f" in UTC; the last day that has is {last}",
                    param_hint=name,
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
        typer.echo(msgspec.json.encode(as_data(report, dry_run=dry_run)))
    else:
        for line in as_text(report):
            typer.echo(line)
        if report.ok and not report.lines:
            typer.echo("no day to summarize: there are no points of a settled day")
    for problem in report.problems:
        exits.complain(problem)
    if not report.ok:
        raise typer.Exit(exits.FAILED)
