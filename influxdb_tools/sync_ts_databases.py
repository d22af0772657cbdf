"""The command `sync_ts_databases`: gives one InfluxDB the points that another one has."""

import json
import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tstats.catalog import DATABASES
from tstats.command import exits
from tstats.core.time import DAY, parse_duration, parse_user_time
from tstats.core.windows import ALL_TIME, Window
from tstats.influx import command_options as connection
from tstats.sync.merge import Policy

GO_FLAGS = (
    "source-url",
    "source-user",
    "source-password",
    "target-url",
    "target-user",
    "target-password",
    "database",
    "days",
    "help",
)
ALL = "all"
_MOST_JOBS = 64

_EPILOG = """\
\b
Examples:
  sync_ts_databases --source-url http://site-a:8086 --target-url http://site-b:8086
  sync_ts_databases --source-url … --target-url … --days 2 --database cache_stats
  sync_ts_databases --source-url … --target-url … --check       for monitoring: exit status 3 when they differ
  sync_ts_databases --source-url … --target-url … --both-ways   two sites heal each other
  sync_ts_databases --source-url … --target-url … --measurement 'bandwidth*' --exact

\b
Exit status:
  0  all that was asked is in sync, as the policy sees it (--dry-run: it could be compared)
  1  something failed; the other measurements are still synced
  2  wrong usage
  3  --check: something differs

\b
Environment:
  SOURCE_INFLUX_PASSWORD, TARGET_INFLUX_PASSWORD    the passwords, unless an option gives them

It can be interrupted and run again at any time: it goes on with what still differs.
The flags of Traffic Control's own tool (-source-url, -target-url, -database, -days, …) work as they are.
"""


class Output(StrEnum):
    """The form of the result on stdout."""

    TEXT = "text"
    JSON = "json"


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(epilog=_EPILOG)
def sync_ts_databases(  # noqa: PLR0913 (one argument an option)
    *,
    source_url: Annotated[
        str, typer.Option(metavar="URL", help="The InfluxDB 1.x that has the points.")
    ] = "http://localhost:8086",
    source_user: Annotated[str, connection.user_option("source")] = "",
    source_password: Annotated[str | None, connection.password_option("source")] = None,
    source_password_file: Annotated[Path | None, connection.password_file_option("source")] = None,
    target_url: Annotated[
        str, typer.Option(metavar="URL", help="The InfluxDB 1.x that is to have them.")
    ] = "http://localhost:8086",
    target_user: Annotated[str, connection.user_option("target")] = "",
    target_password: Annotated[str | None, connection.password_option("target")] = None,
    target_password_file: Annotated[Path | None, connection.password_file_option("target")] = None,
    database: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help=f"{ALL}, or one of {', '.join(one.name for one in DATABASES)}; several times.",
        ),
    ] = [ALL],  # noqa: B006 (Typer wants a list; nobody changes it)
    days: Annotated[int, typer.Option(min=0, metavar="N", help="The last N days; 0 is all.")] = 0,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="From here on: 2026-11-21 or 2026-11-21T10:00:00Z.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="Up to here, without it.")] = None,
    measurement: Annotated[
        list[str],
        typer.Option(metavar="GLOB", help="Only these, such as 'bandwidth*'; several times."),
    ] = [],  # noqa: B006 (the same)
    raw: Annotated[bool, typer.Option("--raw", help="The raw points of the policy daily, too.")] = False,
    policy: Annotated[
        Policy,
        typer.Option(
            help="Which value stays where both sides have one: the higher (for texts, the target's), the"
            " source's, or the target's. What the target lacks is always copied."
        ),
    ] = Policy.MAX,
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="Give the source what it lacks, too.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema/--no-schema", help="First make the target's schema that of the source.")
    ] = True,
    settle: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Leave the newest minutes out, which are still being rewritten: 90s, 5m, 1h; 0s leaves"
            " nothing out, not even points from the future.",
        ),
    ] = "5m",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 3 when something differs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be done.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare every point, not only what the servers sum up.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=_MOST_JOBS, metavar="N", help="Measurements at once.")] = 2,
    max_points_per_second: Annotated[
        float | None, typer.Option(min=1.0, metavar="N", help="Write no faster than this.")
    ] = None,
    output: Annotated[Output, typer.Option(help="A table, or JSON for scripts.")] = Output.TEXT,
    timeout: connection.Timeout = 60.0,
    retries: connection.Retries = 5,
    ca_cert: connection.CaCert = None,
    insecure: connection.Insecure = False,
) -> None:
    """Copy the statistics of one InfluxDB to another, compare before and verify after.

    It finds by itself what both sides have. Equal data is compared by sums that the servers make and is not
    transferred; what differs is compared point by point, and only that is written. Points that only the
    target has are told and never deleted.
    """
    if check and dry_run:
        _wrong("they exclude each other", "--check and --dry-run")
    if both_ways and policy is Policy.SOURCE:
        _wrong("with --both-ways neither side is the one that is right", "--policy source")
    databases = _databases(database)
    now = time.time_ns()
    window = _window(now, days=days, start=start, end=end, settle=settle)
    settings = connection.Connection(timeout=timeout, retries=retries, ca_cert=ca_cert, insecure=insecure)
    source_endpoint = settings.endpoint(
        source_url,
        connection.Credentials.find(
            user=source_user, password=source_password, file=source_password_file, prefix="source"
        ),
        option="--source-url",
    )
    target_endpoint = settings.endpoint(
        target_url,
        connection.Credentials.find(
            user=target_user, password=target_password, file=target_password_file, prefix="target"
        ),
        option="--target-url",
    )
    if source_endpoint.url == target_endpoint.url:
        _wrong(f"source and target are the same: {source_endpoint.url}", "--target-url")

    from tstats.influx.command_remedies import Side, with_remedy
    from tstats.sync import display as sync_display
    from tstats.sync.options import SyncOptions
    from tstats.sync.run import CONNECTIONS, sync

    options = SyncOptions(
        databases=databases,
        all_must_exist=ALL not in database,
        window=window,
        now=now,
        measurements=tuple(measurement),
        raw=raw,
        policy=policy,
        both_ways=both_ways,
        exact=exact,
        apply=not (check or dry_run),
        jobs=jobs,
        rate=max_points_per_second,
    )
    source = settings.open(source_endpoint, connections=jobs * CONNECTIONS)
    target = settings.open(target_endpoint, connections=jobs * CONNECTIONS)
    try:
        with sync_display.progress() as progress:
            report = sync(options, source, target, schema=schema, progress=progress)
    finally:
        source.close()
        target.close()
    sides = (
        Side(
            prefix="source",
            url=source.url,
            user=source_endpoint.user,
            writes=options.apply and options.both_ways,
        ),
        Side(prefix="target", url=target.url, user=target_endpoint.user, writes=options.apply),
    )
    for problem in sync_display.errors(report):
        exits.complain(with_remedy(problem, sides))
    if output is Output.JSON:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        sync_display.print_report(report)
    if report.failed or (options.apply and not report.in_sync):
        raise typer.Exit(exits.FAILED)
    if check and not report.in_sync:
        raise typer.Exit(exits.DIFFERS)


def _wrong(text: str, option: str) -> NoReturn:
    raise typer.BadParameter(text, param_hint=option)


def _databases(asked: Sequence[str]) -> tuple[str, ...]:
    known = tuple(one.name for one in DATABASES)
    for name in asked:
        if name != ALL and name not in known:
            _wrong(f"{name!r} is unknown; known are {ALL}, {', '.join(known)}", "--database")
    return known if ALL in asked else tuple(name for name in known if name in asked)


def _window(now: int, *, days: int, start: str | None, end: str | None, settle: str) -> Window:
    if days and start is not None:
        _wrong("they exclude each other", "--days and --start")
    hot = _parsed(partial(parse_duration, least=0), settle, "--settle")
    first = now - days * DAY if days else ALL_TIME.start
    if start is not None:
        first = _parsed(parse_user_time, start, "--start")
    last = _parsed(parse_user_time, end, "--end") if end is not None else ALL_TIME.end
    if hot:
        last = min(last, now - hot)
    first = max(first, ALL_TIME.start)
    if first >= last:
        _wrong("there is no time between the start and the end (the newest --settle is left out)", "--start")
    return Window(start=first, end=last)


def _parsed(parse: Callable[[str], int], text: str, option: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        _wrong(str(error), option)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit status."""
    exits.run(app, arguments, go_flags=GO_FLAGS)
