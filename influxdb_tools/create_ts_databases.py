"""The command `create_ts_databases`: creates the databases of Traffic Stats in InfluxDB."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tstats.command import exits
from tstats.command.app import new_app
from tstats.command.options import CaCert, OutputFormat, Retries, at_most_one
from tstats.command.output import Output, print_json, say
from tstats.influx import command_options as connection

GO_FLAGS = ("url", "user", "password", "replication", "help")
_MOST_REPLICAS = 2**31 - 1

_EPILOG = """\
\b
Examples:
  create_ts_databases
  create_ts_databases --url http://influx-a:8086 --url http://influx-b:8086 \\
      --user admin --password-file /etc/tstats/influx-password
  create_ts_databases --dry-run            show what would be done
  create_ts_databases --check              for monitoring: exit status 3 if something differs
  create_ts_databases --check --output json
  create_ts_databases --no-continuous-queries   where rollupMode is "tstats"

\b
Exit status:
  0  each instance is in sync at the end (--dry-run: the plan could be made)
  1  something failed or was refused; the other instances are still processed
  2  wrong usage
  3  --check: something differs

\b
Environment:
  INFLUX_PASSWORD    the password of --user, without --password and --password-file

The flags of Traffic Control's own tool (-url, -user, -password, -replication) work as they are.
"""


app = new_app()


@app.command(epilog=_EPILOG)
def create_ts_databases(  # noqa: PLR0913 (one argument per option)
    *,
    url: Annotated[
        list[str], typer.Option(metavar="URL", help="An InfluxDB 1.x to set up; may be repeated.")
    ] = ["http://localhost:8086"],  # noqa: B006 (Typer requires a list; nobody changes it)
    user: Annotated[str, connection.user_option()] = "",
    password: Annotated[str | None, connection.password_option()] = None,
    password_file: Annotated[Path | None, connection.password_file_option()] = None,
    replication: Annotated[
        int,
        typer.Option(min=1, max=_MOST_REPLICAS, metavar="N", help="Copies of the points in a cluster."),
    ] = 3,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 3 if it differs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show the plan.")] = False,
    allow_data_loss: Annotated[
        bool,
        typer.Option("--allow-data-loss", help="Also apply changes that delete points: shorter durations."),
    ] = False,
    no_continuous_queries: Annotated[
        bool,
        typer.Option(
            "--no-continuous-queries",
            help='Create no continuous queries: for rollupMode "tstats", where `tstats collect` computes the'
            " rollups. Existing ones are left alone and listed: they compute the same points again, which is"
            " harmless but wasteful.",
        ),
    ] = False,
    output: OutputFormat = Output.TEXT,
    timeout: connection.Timeout = 30.0,
    retries: Retries = 5,
    ca_cert: CaCert = None,
    insecure: connection.Insecure = False,
) -> None:
    """Create the databases, retention policies and continuous queries of Traffic Stats in InfluxDB.

    The command compares what each InfluxDB has with what it should have, shows the difference and applies
    it, so it can be run at any time, and repeatedly. What is missing is created, a retention policy with
    other values is altered, and a continuous query with another text is replaced. What it does not know is
    left alone and listed. A change that would delete points (a shorter duration) is refused unless
    --allow-data-loss is given.
    """
    at_most_one({"--check": check, "--dry-run": dry_run})
    options = connection.ConnectionOptions(
        timeout=timeout, retries=retries, ca_cert=ca_cert, insecure=insecure
    )
    credentials = connection.Credentials.find(user=user, password=password, file=password_file)
    endpoints = connection.each_once(options.endpoint(address, credentials) for address in url)

    from tstats.catalog import DATABASES
    from tstats.influx.command_remedies import ToolServer, with_remedy
    from tstats.schema import display
    from tstats.schema.provision import catalog_schema, provision

    wanted = catalog_schema(DATABASES, replication=replication, continuous_queries=not no_continuous_queries)
    apply = not (check or dry_run)
    reports = []
    for endpoint in endpoints:
        influx = options.open(endpoint)
        report = provision(influx, wanted, allow_data_loss=allow_data_loss, apply=apply)
        influx.close()
        reports.append(report)
        server = ToolServer(url=endpoint.url, user=endpoint.user, writes=apply)
        for problem in display.errors(report):
            exits.complain(with_remedy(problem, [server]))
        if output is Output.TEXT:
            display.print_changes(report)
            typer.echo(display.summary(report, applied=apply))
        kept = sum(thing.kind == "continuous query" for thing in report.unmanaged)
        if no_continuous_queries and kept:
            say(
                f"{report.url}: {kept} continuous queries still run there, which is harmless but wasteful;"
                " DROP CONTINUOUS QUERY name ON database removes one"
            )
    in_sync = sum(report.in_sync for report in reports)
    if output is Output.JSON:
        print_json({"instances": [display.as_json(report) for report in reports]})
    elif len(reports) > 1:
        typer.echo(f"{in_sync} of {len(reports)} instances in sync")
    if any(report.error for report in reports) or (apply and in_sync < len(reports)):
        raise typer.Exit(exits.FAILED)
    if check and in_sync < len(reports):
        raise typer.Exit(exits.DIFFERS)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit status."""
    exits.run(app, arguments, go_flags=GO_FLAGS)
