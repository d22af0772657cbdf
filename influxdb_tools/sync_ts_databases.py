"""The command `sync_ts_databases`: gives one InfluxDB the points that another one has."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from tstats.sync.shards.access import BlockAccess

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import CaCert, OutputFormat, Retries, at_most_one, parsed, refuse
from tstats.command.output import Output, print_json, say
from tstats.core.time import DAY, parse_duration, parse_user_time
from tstats.core.windows import ALL_TIME, Window
from tstats.influx import command_options as connection

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
  sync_ts_databases --source-url … --target-url … --check       for monitoring: exit status 3 if they differ
  sync_ts_databases --source-url … --target-url … --both-ways   two sites heal each other
  sync_ts_databases --source-url … --target-url … --measurement 'bandwidth*' --exact

\b
Exit status:
  0  everything requested is in sync under the policy (--dry-run: it could be compared)
  1  something failed; the other measurements are still synced
  2  wrong usage
  3  --check: something differs

\b
Environment:
  SOURCE_INFLUX_PASSWORD, TARGET_INFLUX_PASSWORD    the passwords, unless given by options

The command can be interrupted and run again at any time: it continues with what still differs.
The flags of Traffic Control's own tool (-source-url, -target-url, -database, -days, …) work as they are.
"""


app = new_app()


@app.command(epilog=_EPILOG)
def sync_ts_databases(  # noqa: PLR0913 (one argument per option)
    *,
    source_url: Annotated[
        str, typer.Option(metavar="URL", help="The InfluxDB 1.x to copy from.")
    ] = "http://localhost:8086",
    source_user: Annotated[str, connection.user_option("source")] = "",
    source_password: Annotated[str | None, connection.password_option("source")] = None,
    source_password_file: Annotated[Path | None, connection.password_file_option("source")] = None,
    target_url: Annotated[
        str, typer.Option(metavar="URL", help="The InfluxDB 1.x to copy to.")
    ] = "http://localhost:8086",
    target_user: Annotated[str, connection.user_option("target")] = "",
    target_password: Annotated[str | None, connection.password_option("target")] = None,
    target_password_file: Annotated[Path | None, connection.password_file_option("target")] = None,
    database: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="all, cache_stats, daily_stats or deliveryservice_stats; may be repeated.",
        ),
    ] = [ALL],  # noqa: B006 (Typer requires a list; nobody changes it)
    days: Annotated[int, typer.Option(min=0, metavar="N", help="The last N days; 0 is all.")] = 0,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Start: 2026-11-21 or 2026-11-21T10:00:00Z.")
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="TIME", help="End, exclusive.")] = None,
    measurement: Annotated[
        list[str],
        typer.Option(metavar="GLOB", help="Only these, such as 'bandwidth*'; may be repeated."),
    ] = [],  # noqa: B006 (likewise)
    raw: Annotated[bool, typer.Option("--raw", help="Also copy raw points (the policy daily).")] = False,
    policy: Annotated[
        Literal["max", "source", "target"],
        typer.Option(
            help="Which value wins where both servers have one: the higher (for strings, the target's), the"
            " source's, or the target's. What the target lacks is always copied."
        ),
    ] = "max",
    both_ways: Annotated[
        bool, typer.Option("--both-ways", help="Also copy to the source what it lacks.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema/--no-schema", help="First give the target the schema of the source.")
    ] = True,
    settle: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Leave out the newest points, which may still be rewritten: 90s, 5m, 1h; 0s leaves nothing"
            " out, not even points from the future.",
        ),
    ] = "5m",
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 3 if something differs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be done.")
    ] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare every point, not only sums made by the servers.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=_MOST_JOBS, metavar="N", help="Parallel measurements.")] = 2,
    source_backup: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The source's backup port (8088), on loopback or through an SSH tunnel: whole shards are"
            " then compared block by block, without a query.",
        ),
    ] = None,
    target_backup: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="The target's backup port, likewise.")
    ] = None,
    via: Annotated[
        Literal["auto", "shards", "queries"],
        typer.Option(
            help="The way to the points: `auto` takes whole shards where both backup ports are given."
        ),
    ] = "auto",
    max_bytes_per_second: Annotated[
        float | None,
        typer.Option(min=1_000.0, metavar="N", help="Use the backup ports no faster than this."),
    ] = None,
    max_points_per_second: Annotated[
        float | None, typer.Option(min=1.0, metavar="N", help="Limit the rate of writing.")
    ] = None,
    output: OutputFormat = Output.TEXT,
    timeout: connection.Timeout = 60.0,
    retries: Retries = 5,
    ca_cert: CaCert = None,
    insecure: connection.Insecure = False,
) -> None:
    """Copy the statistics of one InfluxDB to another; compare before, verify after.

    The command finds out what both servers have. Equal data is recognized by sums that the servers make, and
    not transferred; what differs is compared point by point, and only that is written. Points that only the
    target has are reported and never deleted.
    """
    at_most_one({"--check": check, "--dry-run": dry_run})
    at_most_one({"--both-ways": both_ways, "--policy source": policy == "source"})
    at_most_one({"--days": days > 0, "--start": start is not None})
    databases = _databases(database)
    now = time.time_ns()
    window = _window(now, days=days, start=start, end=end, settle=settle)
    connecting = connection.ConnectionOptions(
        timeout=timeout, retries=retries, ca_cert=ca_cert, insecure=insecure
    )
    source_endpoint = connecting.endpoint(
        source_url,
        connection.Credentials.find(
            user=source_user, password=source_password, file=source_password_file, prefix="source"
        ),
        option="--source-url",
    )
    target_endpoint = connecting.endpoint(
        target_url,
        connection.Credentials.find(
            user=target_user, password=target_password, file=target_password_file, prefix="target"
        ),
        option="--target-url",
    )
    if source_endpoint.url == target_endpoint.url:
        refuse(f"source and target are the same: {source_endpoint.url}", "--target-url")

    from tstats.influx.command_remedies import ToolServer, with_remedy
    from tstats.sync import display as sync_display
    from tstats.sync.merge import Policy
    from tstats.sync.options import SyncOptions
    from tstats.sync.run import CONNECTIONS, sync

    blocks = _block_access(
        source_backup,
        target_backup,
        via,
        f"{source_endpoint.url} {target_endpoint.url}",
        max_bytes_per_second,
    )

    options = SyncOptions(
        databases=databases,
        all_must_exist=ALL not in database,
        window=window,
        now=now,
        measurements=tuple(measurement),
        raw=raw,
        policy=Policy(policy),
        both_ways=both_ways,
        exact=exact,
        apply=not (check or dry_run),
        jobs=jobs,
        rate=max_points_per_second,
        via=via,
    )
    source = connecting.open(source_endpoint, connections=jobs * CONNECTIONS)
    target = connecting.open(target_endpoint, connections=jobs * CONNECTIONS)
    try:
        with sync_display.progress() as progress:
            report = sync(options, source, target, schema=schema, progress=progress, blocks=blocks)
    finally:
        source.close()
        target.close()
    servers = (
        ToolServer(
            prefix="source",
            url=source.url,
            user=source_endpoint.user,
            writes=options.apply and options.both_ways,
        ),
        ToolServer(prefix="target", url=target.url, user=target_endpoint.user, writes=options.apply),
    )
    for warning in report.warnings:
        say(f"warning: {warning}")
    for problem in sync_display.errors(report):
        exits.complain(with_remedy(problem, servers))
    if output is Output.JSON:
        print_json(report.as_json())
    else:
        sync_display.print_report(report)
    if report.failed or (options.apply and not report.in_sync):
        raise typer.Exit(exits.FAILED)
    if check and not report.in_sync:
        raise typer.Exit(exits.DIFFERS)


def _block_access(
    source: str | None, target: str | None, via: str, sites: str, rate: float | None
) -> "BlockAccess | None":
    """Return the way to the blocks of both sides; None where their backup ports are not given."""
    from tstats.influx.shards.address import BackupAddress
    from tstats.sync.shards.access import BlockAccess

    if source is None or target is None:
        if via == "shards" or source is not target:
            refuse("both backup ports are needed", "--source-backup and --target-backup")
        return None
    if source == target:
        refuse(f"source and target are the same: {source}", "--target-backup")
    return BlockAccess.build(
        parsed(BackupAddress.parse, source, "--source-backup"),
        parsed(BackupAddress.parse, target, "--target-backup"),
        sites=sites,
        rate=rate,
    )


def _databases(requested: Sequence[str]) -> tuple[str, ...]:
    from tstats.catalog import DATABASES

    known = tuple(database.name for database in DATABASES)
    for name in requested:
        if name not in (ALL, *known):
            refuse(f"unknown database {name!r}; write {ALL}, {', '.join(known)}", "--database")
    return known if ALL in requested else tuple(name for name in known if name in requested)


def _window(now: int, *, days: int, start: str | None, end: str | None, settle: str) -> Window:
    unsettled = parsed(partial(parse_duration, least=0), settle, "--settle")
    first = now - days * DAY if days else ALL_TIME.start
    if start is not None:
        first = parsed(parse_user_time, start, "--start")
    last = parsed(parse_user_time, end, "--end") if end is not None else ALL_TIME.end
    if unsettled:
        last = min(last, now - unsettled)
    first = max(first, ALL_TIME.start)
    if first >= last:
        refuse(f"the range is empty; the newest {settle} are left out (--settle)", "--start")
    return Window(start=first, end=last)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit status."""
    exits.run(app, arguments, go_flags=GO_FLAGS)
