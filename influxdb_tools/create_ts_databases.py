"""The command `create_ts_databases`: gives InfluxDB the databases that tstats works with."""

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from tstats.command import exits
from tstats.influx import command_options as connection

GO_FLAGS = ("url", "user", "password", "replication", "help")
_MOST_REPLICAS = 2**31 - 1

_EPILOG = """\
\b
Examples:
  create_ts_databases
  create_ts_databases --url http://influx-a:8086 --url http://influx-b:8086 \\
      --user admin --password-file /etc/tstats/influx-password
  create_ts_databases --dry-run            what would be done, without doing it
  create_ts_databases --check              for monitoring: exit status 3 when something differs
  create_ts_databases --check --output json
  create_ts_databases --no-continuous-queries   where rollupMode is "tstats"

\b
Exit status:
  0  each instance is in sync at the end (--dry-run: the plan could be made)
  1  something failed or was refused; the other instances are still done
  2  wrong usage
  3  --check: something differs

\b
Environment:
  INFLUX_PASSWORD    the password of --user, unless --password or --password-file gives it

The flags of Traffic Control's own tool (-url, -user, -password, -replication) work as they are.
"""


class Output(StrEnum):
    """The form of the result on stdout."""

    TEXT = "text"
    JSON = "json"


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(epilog=_EPILOG)
def create_ts_databases(  # noqa: PLR0913 (one argument an option)
    *,
    url: Annotated[
        list[str], typer.Option(metavar="URL", help="An InfluxDB 1.x; may be given several times.")
    ] = ["http://localhost:8086"],  # noqa: B006 (Typer wants a list; nobody changes it)
    user: Annotated[str, connection.user_option()] = "",
    password: Annotated[str | None, connection.password_option()] = None,
    password_file: Annotated[Path | None, connection.password_file_option()] = None,
    replication: Annotated[
        int,
        typer.Option(min=1, max=_MOST_REPLICAS, metavar="N", help="Copies of the points in a cluster."),
    ] = 3,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 3 when it differs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; show the plan.")] = False,
    allow_data_loss: Annotated[
        bool,
        typer.Option("--allow-data-loss", help="Apply changes that delete points too: shorter durations."),
    ] = False,
    no_continuous_queries: Annotated[
        bool,
        typer.Option(
            "--no-continuous-queries",
            help='Make no continuous queries: for rollupMode "tstats", where `tstats collect` computes the'
            " rollups. Those that exist are left alone and named: both compute the same points, so they do no"
            " harm but work twice.",
        ),
    ] = False,
    output: Annotated[Output, typer.Option(help="A table, or JSON for scripts.")] = Output.TEXT,
    timeout: connection.Timeout = 30.0,
    retries: connection.Retries = 5,
    ca_cert: connection.CaCert = None,
    insecure: connection.Insecure = False,
) -> None:
    """Create the databases, retention policies and continuous queries of Traffic Stats in InfluxDB.

    It compares what each InfluxDB has with what it should have, shows the difference and applies it, so it
    can be run at any time and again: a missing thing is created, a retention policy with other values is
    altered, a continuous query with another text is replaced. What it does not know is left alone and named.
    A change that would delete points (a shorter duration) is refused unless --allow-data-loss is given.
    """
    if check and dry_run:
        raise typer.BadParameter("they exclude each other", param_hint="--check and --dry-run")
    settings = connection.Connection(timeout=timeout, retries=retries, ca_cert=ca_cert, insecure=insecure)
    credentials = connection.Credentials.find(user=user, password=password, file=password_file)
    endpoints = connection.each_once(settings.endpoint(one, credentials) for one in url)

    from tstats.catalog import DATABASES
    from tstats.influx.command_remedies import Side, with_remedy
    from tstats.schema import display as schema_report
    from tstats.schema.provision import catalog_schema, provision

    wanted = catalog_schema(DATABASES, replication=replication, continuous_queries=not no_continuous_queries)
    apply = not (check or dry_run)
    reports = []
    for endpoint in endpoints:
        influx = settings.open(endpoint)
        report = provision(influx, wanted, allow_data_loss=allow_data_loss, apply=apply)
        influx.close()
        reports.append(report)
        side = Side(url=endpoint.url, user=endpoint.user, writes=apply)
        for problem in schema_report.errors(report):
            exits.complain(with_remedy(problem, [side]))
        if output is Output.TEXT:
            schema_report.print_changes(report)
            typer.echo(schema_report.summary(report, applied=apply))
        kept = sum(thing.kind == "continuous query" for thing in report.unmanaged)
        if no_continuous_queries and kept:
            connection.say(
                f"{report.url}: {kept} continuous queries still run there; they do no harm, but work twice:"
                " DROP CONTINUOUS QUERY name ON database removes one"
            )
    in_sync = sum(report.in_sync for report in reports)
    if output is Output.JSON:
        typer.echo(json.dumps({"instances": [schema_report.as_json(report) for report in reports]}, indent=2))
    elif len(reports) > 1:
        typer.echo(f"{in_sync} of {len(reports)} instances in sync")
    if any(report.error for report in reports) or (apply and in_sync < len(reports)):
        raise typer.Exit(exits.FAILED)
    if check and in_sync < len(reports):
        raise typer.Exit(exits.DIFFERS)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit status."""
    exits.run(app, arguments, go_flags=GO_FLAGS)
