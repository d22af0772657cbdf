"""The commands `tstats rollup status|repair|run`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import Cfg, OutputFormat, parsed, refuse
from tstats.command.output import Output, RetryLines, now_and_then, print_json
from tstats.core.time import EARLIEST, parse_duration, parse_user_time
from tstats.core.windows import Window
from tstats.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tstats.config.settings import Settings
    from tstats.core.model import Rollup
    from tstats.rollups.repair import RollupRepair
    from tstats.rollups.report import RollupReport

_PAUSE = 2.0  # seconds between two lines of progress
_RETRIES = 2

Since = Annotated[str, typer.Option(metavar="DURATION", help="How far to look back: 26h, 90m, 7d.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--rollup",
        metavar="NAME",
        help="Only this rollup, by the name of its continuous query; may be repeated.",
        show_default=False,
    ),
]

_STATUS_EPILOG = """\
\b
Examples:
  tstats rollup status --cfg traffic_stats.cfg
  tstats rollup status --cfg traffic_stats.cfg --since 2h --thorough
  tstats rollup status --cfg traffic_stats.cfg --output json

\b
Exit status:
  0  nothing is missing or stale
  1  something could not be checked
  2  wrong usage or invalid configuration
  3  something is missing or stale
"""

_REPAIR_EPILOG = """\
\b
Examples:
  tstats rollup repair --cfg traffic_stats.cfg --dry-run
  tstats rollup repair --cfg traffic_stats.cfg --since 3h
  tstats rollup repair --cfg traffic_stats.cfg --rollup kbps_ds_1min

\b
Exit status:
  0  all rollups are complete at the end (--dry-run: all could be checked)
  1  not all are, or something failed
  2  wrong usage or invalid configuration
"""

_RUN_EPILOG = """\
\b
Examples:
  tstats rollup run --cfg traffic_stats.cfg --start 2026-11-21T10:00:00Z --end 2026-11-21T11:00:00Z
  tstats rollup run --cfg traffic_stats.cfg --start 2026-11-20 --end 2026-11-21 --rollup max_kbps_ds_1day

\b
Exit status:
  0  everything is computed
  1  something failed
  2  wrong usage or invalid configuration
"""

app = new_app("Find and repair missing and stale values in the rollups.")


@app.command(epilog=_STATUS_EPILOG)
def status(
    *,
    cfg: Cfg,
    since: Since = "26h",
    rollup: Only = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="Compare every value; takes about as long as recomputing all rollups."
        ),
    ] = False,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Show what is missing or stale in the rollups of each InfluxDB.

    Nothing is written. A window is missing when its source has points and the rollup has none, and stale when
    the rollup holds another value than its source yields now: points arrived after the continuous query had
    run. Source and rollup are compared on the server. The quick check finds every hole, but can overlook a
    stale value where minutes have different numbers of points. Such hours are reported as unproven, and
    --thorough checks them.

    Left alone: the last minutes, which continuous queries still rewrite, and windows whose source is
    beginning to expire (raw points live for 26 hours).
    """
    window = _looking_back(since)
    only = _named(rollup)
    reports = _each_server(cfg, lambda repair: repair.status(window, only=only, thorough=thorough))
    _show(reports, window, output, apply=False)
    if any(report.failed for report in reports):
        raise typer.Exit(exits.FAILED)
    if any(finding.windows for report in reports for finding in report.findings):
        raise typer.Exit(exits.DIFFERS)


@app.command(epilog=_REPAIR_EPILOG)
def repair(
    *,
    cfg: Cfg,
    since: Since = "26h",
    rollup: Only = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be done.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check quickly, as `status` does, rather than every value.")
    ] = False,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Recompute what is missing or stale, and only that.

    Sources come before the rollups made from them, and a rollup made from a repaired window is repaired too,
    even with --rollup. The result is what the continuous queries would have written if the points had been on
    time. Every value is checked, which takes about as long as recomputing all rollups; --quick avoids that.
    What was recomputed is checked again. A value whose source has expired stays as it is.
    """
    window = _looking_back(since)
    only = _named(rollup)
    reports = _each_server(
        cfg, lambda repair: repair.repair(window, only=only, thorough=not quick, dry_run=dry_run)
    )
    _show(reports, window, output, apply=not dry_run)
    if any(report.failed for report in reports):
        raise typer.Exit(exits.FAILED)


@app.command(epilog=_RUN_EPILOG)
def run(
    *,
    cfg: Cfg,
    start: Annotated[
        str, typer.Option(metavar="TIME", help="RFC 3339, or a date, which means midnight in UTC.")
    ],
    end: Annotated[str, typer.Option(metavar="TIME", help="Likewise; exclusive.")],
    rollup: Only = None,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Recompute a range, whatever the rollups hold there.

    Minutes and days in which the range begins or ends are computed in full; those in progress are left out.
    Where the source has expired, the rollup stays as it is. With --rollup, what is made from those rollups
    is recomputed too.
    """
    first, last = parsed(parse_user_time, start, "--start"), parsed(parse_user_time, end, "--end")
    if first >= last:
        refuse("it must be later than --start", "--end")
    window = Window(start=first, end=last)
    only = _named(rollup)
    reports = _each_server(cfg, lambda repair: repair.run(window, only=only))
    _show(reports, window, output, apply=True)
    if any(report.failed for report in reports):
        raise typer.Exit(exits.FAILED)


def _looking_back(since: str) -> Window:
    now = time.time_ns()
    return Window(start=max(now - parsed(parse_duration, since, "--since"), EARLIEST), end=now)


def _named(names: list[str] | None) -> "tuple[Rollup, ...]":
    from tstats.rollups.plan import rollups_named

    return parsed(rollups_named, names or (), "--rollup")


def _each_server(cfg: Path, ask: "Callable[[RollupRepair], RollupReport]") -> "list[RollupReport]":
    """Return the reports of all InfluxDBs of the configuration, whatever influxWriteMode says."""
    from tstats.config.loading import load

    return [ask(repair) for repair in _repairs(load(cfg))]


def _repairs(settings: "Settings") -> "Iterator[RollupRepair]":
    from tstats import connections
    from tstats.rollups.repair import RollupRepair
    from tstats.transport.retry import RetryPolicy

    urls = connections.queried_urls(settings)
    if not urls:
        raise ConfigError("influxUrls: rollups need an http(s) URL; there are only udp:// URLs")
    retry = RetryPolicy(retries=_RETRIES, on_retry=RetryLines(retries=_RETRIES))
    for influx in [connections.influx(settings, url, retry=retry) for url in urls]:
        yield RollupRepair(influx, on_progress=now_and_then(_PAUSE))
        influx.close()


def _show(reports: "list[RollupReport]", window: Window, output: Output, *, apply: bool) -> None:
    from tstats.rollups import display

    for report in reports:
        for problem in display.errors(report):
            exits.complain(problem)
        if output is Output.TEXT:
            for line in display.lines(report, applied=apply):
                typer.echo(line)
    if output is Output.JSON:
        servers = [display.as_json(report) for report in reports]
        print_json({"window": display.window_as_json(window), "servers": servers})
