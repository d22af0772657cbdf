"""`tstats`: names its subcommands; each is imported when it is called."""

from typing import Annotated

import typer

from tstats import __version__
from tstats.command import exits
from tstats.command.app import add_lazily, new_app

app = new_app("Collect the statistics of Apache Traffic Control CDNs in InfluxDB 1.x.", add_completion=True)

# In the order in which a new user needs them.
for _name, _module, _summary in (
    ("simulate", "tstats.simulator.command", "Simulate a CDN, to try tstats without one."),
    (
        "migrate-config",
        "tstats.migrate_config.command",
        "Show what changes when moving from traffic_stats.",
    ),
    ("db", "tstats.db.command", "Create and migrate the SQL database of the daily summaries."),
    ("collect", "tstats.daemon.command", "Poll Traffic Monitors and write their statistics to InfluxDB."),
    ("doctor", "tstats.doctor.command", "Check everything, and name a remedy for each problem."),
    ("rollup", "tstats.rollups.command", "Find and repair missing and stale values in the rollups."),
    ("shard", "tstats.shard.command", "Show what a shard holds, and how two shards differ."),
    ("summarize", "tstats.summaries.command", "Record the peak and the total traffic of finished days."),
    ("api", "tstats.api.command", "Serve the statistics over HTTP, as Traffic Ops does."),
    ("token", "tstats.api.access.command", "Create and revoke the tokens of the API."),
    ("dashboards", "tstats.dashboards.command", "Write Grafana dashboards, or push them to a Grafana."),
):
    add_lazily(app, _name, _module, _summary)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 (Typer passes it by position)
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


def main() -> None:
    """Run `tstats`; the entry point of the console script."""
    exits.run(app, go_flags={"cfg"})


if __name__ == "__main__":
    main()
