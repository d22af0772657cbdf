"""The commands `tstats shard list|report|diff`."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import OutputFormat, parsed, refuse
from tstats.command.output import Output, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tstats.influx.shards.files import ShardFiles
    from tstats.influx.shards.rpc import BackupPort

_LIST_EPILOG = """\
\b
Examples:
  tstats shard list localhost:8088
  tstats shard list localhost:8088 --database cache_stats

\b
Exit status:
  0  the shards are listed
  1  the port cannot be reached, or is not a backup port
  2  wrong usage
"""

_REPORT_EPILOG = """\
\b
Examples:
  tstats shard report localhost:8088 7 8
  tstats shard report localhost:8088 --database cache_stats --output json

\b
Exit status:
  0  every shard is reported
  1  something failed
  2  wrong usage
"""

_DIFF_EPILOG = """\
\b
Examples:
  tstats shard diff localhost:8088 7 localhost:18088 12

\b
Exit status:
  0  the shards hold the same points
  1  something failed
  2  wrong usage
  3  they differ
"""

_FREE = 0.9  # of the room for temporary files may be used

_PORT = typer.Argument(
    metavar="HOST:PORT",
    help="The backup port: bind-address in influxdb.conf, 127.0.0.1:8088 by default.",
    show_default=False,
)
_Port = Annotated[str, _PORT]
_Database = Annotated[
    str, typer.Option("--database", metavar="NAME", help="Only shards of this database.", show_default=False)
]
_Timeout = Annotated[
    float,
    typer.Option(min=0.001, metavar="SECONDS", help="Longest wait for a connection and between two pieces."),
]

app = new_app("Show what a shard holds, and how two shards differ.")


@app.command("list", epilog=_LIST_EPILOG)
def list_shards(
    port: _Port, *, database: _Database = "", timeout: _Timeout = 60.0, output: OutputFormat = Output.TEXT
) -> None:
    """List the shards of a server with their ids, databases and retention policies.

    The backup port has no authentication and no TLS. To reach it from another machine, use a tunnel:
    ssh -L 8088:localhost:8088 HOST.
    """
    from tstats.shard import display

    paths = _open(port, timeout).shards(database)
    if output is Output.JSON:
        print_json([display.path_as_json(path) for path in paths])
        return
    for line in display.paths_as_lines(paths):
        typer.echo(line)


@app.command(epilog=_REPORT_EPILOG)
def report(
    port: _Port,
    shard_ids: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="SHARD_ID", min=1, help="As `tstats shard list` shows them.", show_default=False
        ),
    ] = None,
    *,
    database: _Database = "",
    timeout: _Timeout = 60.0,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Report the measurements, series, points, bytes and times of shards.

    Each shard is copied to a temporary folder (TMPDIR) over the backup port, as `influxd backup` does. Most
    of the report comes from the index of its files; no queries run on the server.
    """
    from tstats.shard import display
    from tstats.shard.report import survey

    server = _open(port, timeout)
    if not shard_ids and not database:
        refuse("name shards, or all of a --database", "SHARD_ID")
    chosen = shard_ids or [path.shard_id for path in server.shards(database)]
    reports = []
    for shard_id in chosen:
        with _copied(server, shard_id) as files:
            contents = survey(files.keys())
            if output is Output.TEXT:
                for line in display.contents_as_lines(shard_id, files.backup, contents):
                    typer.echo(line)
            else:
                reports.append(display.contents_as_json(files.backup, contents))
    if output is Output.JSON:
        print_json(reports)


@app.command(epilog=_DIFF_EPILOG)
def diff(
    left: _Port,
    left_shard: Annotated[int, typer.Argument(metavar="SHARD_ID", min=1, show_default=False)],
    right: _Port,
    right_shard: Annotated[int, typer.Argument(metavar="SHARD_ID", min=1, show_default=False)],
    *,
    timeout: _Timeout = 60.0,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Compare two shards exactly, and report what only one has and what differs.

    Both shards are copied to temporary folders (TMPDIR) over the backup port and compared block by block.
    Blocks that differ are decoded and compared point by point; no queries run on the servers. A key is one
    field of a series.
    """
    from tstats.shard import display
    from tstats.shard.diff import diff as find_differences

    servers = _open(left, timeout, "left HOST:PORT"), _open(right, timeout, "right HOST:PORT")
    with _copied(servers[0], left_shard) as lefts, _copied(servers[1], right_shard) as rights:
        found = find_differences(lefts.keys(), rights.keys())
        if output is Output.JSON:
            print_json(display.diff_as_json(lefts.backup, rights.backup, found))
        else:
            for line in display.diff_as_lines(lefts.backup, rights.backup, found):
                typer.echo(line)
    if any(measurement.differs for measurement in found):
        raise typer.Exit(exits.DIFFERS)


def _open(address: str, timeout: float, hint: str = "HOST:PORT") -> "BackupPort":
    from tstats.influx.shards.address import BackupAddress
    from tstats.influx.shards.rpc import BackupPort

    parsed_address = parsed(BackupAddress.parse, address, hint)
    return BackupPort(parsed_address, connect_timeout=timeout, timeout=timeout)


@contextmanager
def _copied(server: "BackupPort", shard_id: int) -> "Iterator[ShardFiles]":
    """Copy a shard to a temporary folder, which is removed at the end."""
    import shutil
    import tempfile
    from pathlib import Path

    from tstats.influx.shards.files import ShardFiles

    with tempfile.TemporaryDirectory(prefix="tstats-shard-") as folder:
        room = int(shutil.disk_usage(folder).free * _FREE)
        with ShardFiles(server.backup(shard_id, Path(folder), most_bytes=room)) as files:
            yield files
