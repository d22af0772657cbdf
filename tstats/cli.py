"""`tstats`: its commands, and the one place that turns an error into a message and an exit status."""

from pathlib import Path
from typing import Annotated

import typer

from tstats import __version__
from tstats.api.access.command import token
from tstats.api.command import api
from tstats.command import exits
from tstats.dashboards.command import dashboards
from tstats.db.command import db
from tstats.doctor.command import doctor
from tstats.migrate_config.command import migrate_config
from tstats.rollups import command as rollup_cli
from tstats.shard.command import app as shard
from tstats.simulator.command import simulate
from tstats.summaries.command import summarize

app = typer.Typer(
    name="tstats",
    help="Collect the statistics of Apache Traffic Control CDNs into InfluxDB 1.x.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
app.command()(simulate)
app.add_typer(rollup_cli.app, name="rollup")
app.command()(summarize)
app.command()(doctor)
app.command()(migrate_config)
app.add_typer(db, name="db")
app.add_typer(dashboards, name="dashboards")
app.command()(api)
app.add_typer(token, name="token")
app.add_typer(shard, name="shard")


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (Typer's callbacks are called so)
    if wanted:
        typer.echo(f"tstats {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def collect(
    *,
    cfg: Annotated[
        Path,
        typer.Option(
            "--cfg",
            envvar="TSTATS_CFG",
            help="The configuration: Go's traffic_stats.cfg as it is.",
            show_default=False,
        ),
    ],
    once: Annotated[
        bool, typer.Option("--once", help="One inventory, one poll of each feed, publish, and end.")
    ] = False,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", help="text or json; overrides logFormat.", show_default=False),
    ] = None,
) -> None:
    """Poll Traffic Monitors and write their statistics to InfluxDB.

    Every batch is on disk (spoolDirectory) before it counts as collected, and leaves the disk when InfluxDB
    has taken it: an InfluxDB that is down for hours, or a kill -9, loses nothing.

    Every key of the file can be overridden from the environment: toUrl by TSTATS_TO_URL, influxUrls by
    TSTATS_INFLUX_URLS (with commas). Passwords: TSTATS_TO_PASSWD and TSTATS_INFLUX_PASSWORD, or the keys
    toPasswdFile and influxPasswordFile.

    Signals: SIGHUP reads the file again; SIGTERM and SIGINT deliver what waits and end; a second one ends
    at once.

    Exit status: 0 ended as asked; 1 something failed (with --once: any part); 2 the configuration or the
    options are wrong.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    from tstats.command import logs
    from tstats.config import loading as config
    from tstats.daemon import daemon

    if log_format not in (None, "text", "json"):
        raise typer.BadParameter("text or json", param_hint="--log-format")
    settings = config.load(cfg, to_collect=True)
    logs.configure(settings.logs, log_format or settings.log_format)
    if settings.seelog_config is not None:
        logs.get("config").warning("seelog_ignored", remedy="seelogConfig is deprecated: use the key logs")
    raise typer.Exit(daemon.once(settings) if once else daemon.run(cfg, settings, log_format=log_format))


def main() -> None:
    """Run `tstats`; the entry point of the console script."""
    exits.run(app, go_flags={"cfg"})


if __name__ == "__main__":
    main()
