"""The command `tstats collect`."""

from typing import Annotated

import typer

from tstats.command.app import new_app
from tstats.command.options import Cfg, LogFormat

app = new_app()


@app.command()
def collect(
    *,
    cfg: Cfg,
    once: Annotated[
        bool, typer.Option("--once", help="Do one inventory and one poll of each feed, publish, and exit.")
    ] = False,
    log_format: LogFormat = None,
) -> None:
    """Poll Traffic Monitors and write their statistics to InfluxDB.

    Every batch is on disk (spoolDirectory) before it counts as collected, and is deleted only after InfluxDB
    has accepted it: neither an InfluxDB that is down for hours nor a kill -9 loses data.

    Every key of the file can be overridden from the environment: toUrl by TSTATS_TO_URL, influxUrls by
    TSTATS_INFLUX_URLS (separated by commas). For passwords, use TSTATS_TO_PASSWD and TSTATS_INFLUX_PASSWORD,
    or the keys toPasswdFile and influxPasswordFile.

    Signals: SIGHUP reloads the file; SIGTERM and SIGINT deliver what is waiting and exit; a second one exits
    at once.

    Exit status: 0 stopped as requested; 1 something failed (with --once: any part); 2 invalid configuration
    or wrong usage.
    """
    from tstats.command import logs
    from tstats.config.loading import load
    from tstats.daemon import daemon

    settings = load(cfg, to_collect=True)
    logs.configure(settings.logs, log_format or settings.log_format)
    if settings.seelog_config is not None:
        logs.get("config").warning("seelog_ignored", remedy="seelogConfig is deprecated: use the key logs")
    raise typer.Exit(daemon.once(settings) if once else daemon.run(cfg, settings, log_format=log_format))
