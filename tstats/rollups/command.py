"""The commands `tstats rollup status|repair|run`."""

import json
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command import exits
from tstats.core.time import EARLIEST, parse_duration, parse_user_time
from tstats.core.windows import Window
from tstats.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tstats.config.settings import Settings
    from tstats.core.model import Rollup
    from tstats.rollups.repair import OnProgress, RollupRepair
    from tstats.rollups.report import RollupReport

_QUIET = 2.0  # seconds between two lines of progress

_CFG = typer.Option(
    "--cfg",
    envvar="TSTATS_CFG",
    help="The configuration, traffic_stats.cfg: its influxUrls, influxUser and influxPassword.",
    show_default=False,
)
_SINCE = typer.Option(metavar="DURATION", help="How far to look back: 26h, 90m, 7d.")
_ROLLUP = typer.Option(
    "--rollup",
    metavar="NAME",
    help="Only this rollup, by the name of its continuous query; may be given several times.",
    show_default=False,
)

_STATUS_EPILOG = """\
\b
Examples:
  tstats rollup status --cfg traffic_stats.cfg
  tstats rollup status --cfg traffic_stats.cfg --since 2h --thorough
  tstats rollup status --cfg traffic_stats.cfg --output json

\b
Exit status:
  0  nothing is missing or stale
  1  something could not be looked at
  2  wrong usage or configuration
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
  0  all rollups are whole at the end (--dry-run: all could be looked at)
  1  not all are, or something failed
  2  wrong usage or configuration
"""

_RUN_EPILOG = """\
\b
Examples:
  tstats rollup run --cfg traffic_stats.cfg --start 2026-11-21T10:00:00Z --end 2026-11-21T11:00:00Z
  tstats rollup run --cfg traffic_stats.cfg --start 2026-11-20 --end 2026-11-21 --rollup max_kbps_ds_1day

\b
Exit status:
  0  all is computed
  1  something failed
  2  wrong usage or configuration
"""


class Output(StrEnum):
    """The form of the result on stdout."""

    TEXT = "text"
    JSON = "json"


_Output = Annotated[Output, typer.Option(help="Lines for people, or JSON for scripts.")]

app = typer.Typer(
    help="Find and mend holes and stale values in the rollups.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(epilog=_STATUS_EPILOG)
def status(
    *,
    cfg: Annotated[Path, _CFG],
    since: Annotated[str, _SINCE] = "26h",
    rollup: Annotated[list[str] | None, _ROLLUP] = None,
    thorough: Annotated[
        bool,
        typer.Option(
            "--thorough", help="Compare every value; takes about as long as computing all rollups anew."
        ),
    ] = False,
    output: _Output = Output.TEXT,
) -> None:
    """Tell what is missing or stale in each rollup of each InfluxDB; writes nothing.

    A window is missing when its source has points and the rollup has none, and stale when the rollup holds
    another value than its source gives now: points came late, after the continuous query had run. Source and
    rollup are compared on the server. The quick look finds every hole; a stale value can escape it where
    minutes hold different numbers of points. Such hours are named unproven, and --thorough looks into them.

    Left alone: what continuous queries still rewrite (the last minutes), and what begins to expire in the
    source (raw points live 26 hours).
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
    cfg: Annotated[Path, _CFG],
    since: Annotated[str, _SINCE] = "26h",
    rollup: Annotated[list[str] | None, _ROLLUP] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be done.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look quickly, as `status` does, not into every value.")
    ] = False,
    output: _Output = Output.TEXT,
) -> None:
    """Compute anew what is missing or stale, and only that.

    Sources come before what is made from them, and what is made from a repaired window is repaired too (with
    --rollup as well). The result is what the continuous queries would have written had the points been on
    time. Every value is looked into, which takes about as long as computing all rollups anew; --quick saves
    that. What was computed is looked at again. A value whose source has gone stays as it is.
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
    cfg: Annotated[Path, _CFG],
    start: Annotated[str, typer.Option(metavar="TIME", help="RFC 3339, or a date (midnight in UTC).")],
    end: Annotated[str, typer.Option(metavar="TIME", help="The same; this moment is not included.")],
    rollup: Annotated[list[str] | None, _ROLLUP] = None,
    output: _Output = Output.TEXT,
) -> None:
    """Compute a range anew, whatever the rollups hold there.

    Minutes and days in which the range begins or ends are computed whole; those in progress are left out.
    Where the source has expired, the rollup stays as it is. With --rollup, what is made from those rollups
    is computed too.
    """
    first, last = _time(start, "--start"), _time(end, "--end")
    if first >= last:
        raise typer.BadParameter("it must be later than --start", param_hint="--end")
    window = Window(start=first, end=last)
    only = _named(rollup)
    reports = _each_server(cfg, lambda repair: repair.run(window, only=only))
    _show(reports, window, output, apply=True)
    if any(report.failed for report in reports):
        raise typer.Exit(exits.FAILED)


def _looking_back(since: str) -> Window:
    now = time.time_ns()
    try:
        return Window(start=max(now - parse_duration(since), EARLIEST), end=now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None


def _time(text: str, option: str) -> int:
    try:
        return parse_user_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _named(names: list[str] | None) -> "tuple[Rollup, ...]":
    from tstats.rollups.plan import rollups_named

    try:
        return rollups_named(names or ())
    except ConfigError as error:
        raise typer.BadParameter(str(error), param_hint="--rollup") from None


def _each_server(cfg: Path, ask: "Callable[[RollupRepair], RollupReport]") -> "list[RollupReport]":
    """Ask every InfluxDB of the configuration by itself, whatever influxWriteMode says."""
    from tstats.config import loading as config

    return [ask(one) for one in _repairs(config.load(cfg))]


def _repairs(settings: "Settings") -> "Iterator[RollupRepair]":
    from tstats import connections
    from tstats.rollups.repair import RollupRepair
    from tstats.transport.retry import RetryPolicy

    urls = connections.queried_urls(settings)
    if not urls:
        raise ConfigError("influxUrls: rollups are asked for over http; there are only udp:// URLs")
    retry = RetryPolicy(retries=2, on_retry=_tell_retry)
    for influx in [connections.influx(settings, url, retry=retry) for url in urls]:
        yield RollupRepair(influx, on_progress=_now_and_then())
        influx.close()


def _tell_retry(what: str, *, attempt: int, error: Exception, wait: float) -> None:
    del what  # the error names the server and the request by itself
    typer.echo(f"try {attempt} failed, again in {wait:.1f} s: {error}", err=True)


def _now_and_then() -> "OnProgress":
    """Prints lines of progress on stderr, where the work is long; not every one."""
    told = time.monotonic()

    def tell(text: str) -> None:
        nonlocal told
        if time.monotonic() - told >= _QUIET:
            told = time.monotonic()
            typer.echo(text, err=True)

    return tell


def _show(reports: "list[RollupReport]", window: Window, output: Output, *, apply: bool) -> None:
    from tstats.rollups import display as rollup_display

    for report in reports:
        for problem in rollup_display.errors(report):
            exits.complain(problem)
        if output is Output.TEXT:
            for line in rollup_display.lines(report, applied=apply):
                typer.echo(line)
    if output is Output.JSON:
        servers = [rollup_display.as_json(report) for report in reports]
        asked = rollup_display.window_as_json(window)
        json.dump({"window": asked, "servers": servers}, sys.stdout, indent=2)
        typer.echo()
