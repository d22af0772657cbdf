"""The commands `tstats dashboards …`: Grafana's dashboards as files, in a Grafana, and as links."""

import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tstats.command.app import new_app
from tstats.command.options import CaCert, OutputFormat, Retries, UsageError, parsed, refuse
from tstats.command.output import Output, RetryLines, print_json
from tstats.config.secret_file import read_secret
from tstats.core.secret import Secret
from tstats.errors import ConfigError, TstatsError

app = new_app("Write Grafana dashboards, or push them to a Grafana.")

TOKEN_VARIABLE = "TSTATS_GRAFANA_TOKEN"  # noqa: S105 (the name of a variable, not a token)
_FIRST_WAIT = 0.5  # seconds before a request is repeated

InfluxUser = Annotated[
    str, typer.Option("--influx-user", metavar="USER", help="User of the InfluxDB data sources, if any.")
]
GrafanaUrl = Annotated[
    str,
    typer.Option(
        "--grafana-url", envvar="TSTATS_GRAFANA_URL", metavar="URL", help="Grafana's URL.", show_default=False
    ),
]


@app.command()
def export(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write; created if it is missing.")],
    influx_url: Annotated[
        str, typer.Option("--influx-url", metavar="URL", help="InfluxDB, as Grafana's server reaches it.")
    ] = "http://localhost:8086",
    influx_user: InfluxUser = "",
    prometheus_url: Annotated[
        str,
        typer.Option(
            "--prometheus-url",
            metavar="URL",
            help="The Prometheus that scrapes tstats collect (metricsBind), as Grafana's server reaches it.",
        ),
    ] = "http://localhost:9090",
    dashboards_path: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Path of DIR/dashboards on Grafana's machine.",
            show_default="DIR/dashboards itself",
        ),
    ] = None,
) -> None:
    """Write the dashboards, and the provisioning files for Grafana.

    The dashboards are JSON files; the others provision them and their data sources. No file contains a
    password: with --influx-user, Grafana takes TSTATS_INFLUX_PASSWORD from its own environment. A second run
    changes nothing.

    Exit status: 0 all files are written; 1 a file cannot be written; 2 wrong usage.
    """
    from tstats.dashboards import provisioning
    from tstats.dashboards.data_sources import Addresses

    addresses = Addresses(
        influx=_url(influx_url, "--influx-url"),
        influx_user=influx_user,
        prometheus=_url(prometheus_url, "--prometheus-url"),
    )
    path = str((folder / "dashboards").absolute()) if dashboards_path is None else dashboards_path
    wanted = provisioning.files(_texts(), addresses, dashboards=path)
    for file, written in provisioning.export(folder, wanted):
        typer.echo(f"{'written' if written else 'unchanged':<9} {file}")


@app.command()
def push(
    *,
    grafana_url: GrafanaUrl,
    token_file: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help=f"A file whose first line is the token of a service account. Without it: {TOKEN_VARIABLE},"
            " or a terminal is asked.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[str, typer.Option(metavar="UID", help="UID of the folder in Grafana.")] = "tstats",
    influx_url: Annotated[
        str | None,
        typer.Option(
            "--influx-url",
            metavar="URL",
            help="Also create missing data sources, for the InfluxDB at this URL, as Grafana's server reaches"
            " it. Requires the token of an Admin.",
            show_default=False,
        ),
    ] = None,
    influx_user: InfluxUser = "",
    prometheus_url: Annotated[
        str,
        typer.Option("--prometheus-url", metavar="URL", help="Prometheus, for its data source."),
    ] = "http://localhost:9090",
    ca_cert: CaCert = None,
    retries: Retries = 5,
) -> None:
    """Create or update the dashboards in a Grafana, through its API.

    Changes that somebody made to them are replaced, but stay in their history in Grafana. A second run
    changes nothing. Existing data sources are left alone; the password of --influx-user comes from
    TSTATS_INFLUX_PASSWORD.

    Exit status: 0 everything is up to date; 1 something failed, and the output shows what was done before;
    2 wrong usage.
    """
    from tstats.dashboards import push as pushing
    from tstats.dashboards.data_sources import Addresses
    from tstats.dashboards.grafana import Grafana
    from tstats.dashboards.provisioning import PASSWORD_VARIABLE
    from tstats.transport.retry import RetryPolicy

    url = _url(grafana_url, "--grafana-url")
    addresses = Addresses(
        influx=_url(influx_url or "http://localhost:8086", "--influx-url"),
        influx_user=influx_user,
        prometheus=_url(prometheus_url, "--prometheus-url"),
    )
    if influx_user and influx_url is None:
        raise UsageError("--influx-user requires --influx-url")
    texts = _texts()
    grafana = Grafana(
        url,
        token=_token(token_file),
        ca_cert="" if ca_cert is None else str(ca_cert),
        retry=RetryPolicy(retries=retries, first_wait=_FIRST_WAIT, on_retry=RetryLines(retries=retries)),
    )
    try:
        if influx_url is not None:
            password = Secret(os.environ.get(PASSWORD_VARIABLE, ""))
            for done in pushing.push_data_sources(grafana, addresses, password):
                typer.echo(f"{done.outcome:<9} {done.what}")
        for done in pushing.push(grafana, texts, folder=folder):
            typer.echo(f"{done.outcome:<9} {done.what}")
    finally:
        grafana.close()


@app.command()
def links(
    *,
    grafana_url: GrafanaUrl,
    output: OutputFormat = Output.TEXT,
) -> None:
    """Print the Traffic Ops parameters that link to the dashboards.

    They belong to the profile GLOBAL.

    Exit status: 0 done; 2 wrong usage.
    """
    from tstats.dashboards.links import parameters

    found = parameters(_url(grafana_url, "--grafana-url"))
    if output is Output.JSON:
        print_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        typer.echo(f"{name:<{width}}  {value}")


def _texts() -> Mapping[str, str]:
    try:
        from tstats.dashboards.json_models import json_models
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "grafana_foundation_sdk":
            raise
        raise TstatsError(
            "the dashboards need the package grafana-foundation-sdk: pip install 'tstats[grafana]'"
        ) from None
    return json_models()


def _url(text: str, option: str) -> str:
    """Return a URL, without its final slash, that cannot contain a password.

    Raises:
        typer.BadParameter: it is invalid; the text does not repeat it, since it may contain a password.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        usable = False
    if not usable:
        refuse("it must be an http:// or https:// URL", option)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        refuse("it must not contain a user, password, query or fragment", option)
    return text.rstrip("/")


def _token(file: Path | None) -> Secret:
    if file is not None:
        return parsed(_read_token, file, "--token-file")
    if held := os.environ.get(TOKEN_VARIABLE, "").strip():
        return Secret(held)
    if sys.stdin.isatty():
        return Secret(getpass.getpass("token of a Grafana service account: ", stream=sys.stderr).strip())
    raise UsageError(f"give --token-file, or set {TOKEN_VARIABLE}")


def _read_token(file: Path) -> Secret:
    token = read_secret(file).reveal().strip()
    if not token:
        raise ConfigError(f"the first line of {file} is empty")
    return Secret(token)
