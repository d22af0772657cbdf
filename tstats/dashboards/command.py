"""The commands `tstats dashboards …`: Grafana's dashboards as files, in a Grafana, and linked to."""

import getpass
import json
import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tstats.core.secret import Secret
from tstats.errors import TstatsError

dashboards = typer.Typer(
    help="Grafana dashboards of CDNs, cache groups, delivery services, servers, days and tstats itself.",
    no_args_is_help=True,
)

TOKEN_VARIABLE = "TSTATS_GRAFANA_TOKEN"  # noqa: S105 (the name of a variable, not a token)
_FIRST_WAIT = 0.5  # seconds before a request is sent again


class Output(StrEnum):
    """How parameters are printed."""

    TEXT = "text"
    JSON = "json"


InfluxUser = Annotated[
    str, typer.Option("--influx-user", metavar="USER", help="User of the data sources, where there is one.")
]
GrafanaUrl = Annotated[
    str,
    typer.Option(
        "--grafana-url", envvar="TSTATS_GRAFANA_URL", metavar="URL", help="Grafana's URL.", show_default=False
    ),
]


@dashboards.command()
def export(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; made where it is missing.")],
    influx_url: Annotated[
        str, typer.Option("--influx-url", metavar="URL", help="Where Grafana's server reaches InfluxDB.")
    ] = "http://localhost:8086",
    influx_user: InfluxUser = "",
    prometheus_url: Annotated[
        str,
        typer.Option(
            "--prometheus-url",
            metavar="URL",
            help="Where Grafana's server reaches the Prometheus that scrapes tstats collect (metricsBind).",
        ),
    ] = "http://localhost:9090",
    dashboards_path: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Where Grafana's machine will have DIR/dashboards.",
            show_default="DIR/dashboards itself",
        ),
    ] = None,
) -> None:
    """Write dashboards (JSON), and the files by which Grafana provisions them and their data sources.

    The files hold no password: with --influx-user, Grafana takes TSTATS_INFLUX_PASSWORD from its own
    environment. A second run changes nothing.

    Exit status: 0 all files are there; 1 one cannot be written; 2 wrong usage.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
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


@dashboards.command()
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
            help="A file whose first line is the token of a service account; else the variable"
            f" {TOKEN_VARIABLE}, else a terminal is asked.",
            show_default=False,
        ),
    ] = None,
    folder: Annotated[str, typer.Option(metavar="UID", help="Uid of the folder in Grafana.")] = "tstats",
    influx_url: Annotated[
        str | None,
        typer.Option(
            "--influx-url",
            metavar="URL",
            help="Make the data sources that are missing, too, with InfluxDB at this URL, as Grafana's server"
            " reaches it. The token has to be an Admin's then.",
            show_default=False,
        ),
    ] = None,
    influx_user: InfluxUser = "",
    prometheus_url: Annotated[
        str, typer.Option("--prometheus-url", metavar="URL", help="Prometheus, for the same.")
    ] = "http://localhost:9090",
    ca_cert: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="FILE",
            help="Trust the certificates in this file (PEM) instead of the system's.",
            show_default=False,
        ),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, metavar="N", help="How often a request without an answer is sent again.")
    ] = 5,
) -> None:
    """Create or update the dashboards in a Grafana, through its API.

    What somebody changed in them is replaced (Grafana keeps it in their history). A second run changes
    nothing. Data sources that are there are left as they are; the password of --influx-user comes from
    TSTATS_INFLUX_PASSWORD.

    Exit status: 0 all is there; 1 something failed, and the lines before say what is done; 2 wrong usage.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
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
        raise typer.BadParameter("it needs --influx-url", param_hint="--influx-user")
    texts = _texts()
    grafana = Grafana(
        url,
        token=_token(token_file),
        ca_cert="" if ca_cert is None else str(ca_cert),
        retry=RetryPolicy(retries=retries, first_wait=_FIRST_WAIT, on_retry=_show_retry),
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


@dashboards.command()
def links(
    *,
    grafana_url: GrafanaUrl,
    output: Annotated[Output, typer.Option(help="Lines, or JSON for scripts.")] = Output.TEXT,
) -> None:
    """Print the Traffic Ops parameters (of the profile GLOBAL) that point at the dashboards.

    Exit status: 0; 2 wrong usage.
    """
    from tstats.dashboards.links import parameters

    found = parameters(_url(grafana_url, "--grafana-url"))
    if output is Output.JSON:
        typer.echo(json.dumps(found, indent=2))
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
    """A URL without what a password could hide in.

    Raises:
        typer.BadParameter: it is none; the text does not repeat it, for it may hold a password.
    """
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        usable = False
    if not usable:
        raise typer.BadParameter("an http:// or https:// URL is wanted", param_hint=option)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise typer.BadParameter("no user, password, query or fragment belongs in it", param_hint=option)
    return text.rstrip("/")


def _token(file: Path | None) -> Secret:
    if file is not None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise typer.BadParameter(f"{file} cannot be read: {error}", param_hint="--token-file") from error
        if not lines or not lines[0].strip():
            raise typer.BadParameter(f"{file} has no token in its first line", param_hint="--token-file")
        return Secret(lines[0].strip())
    if held := os.environ.get(TOKEN_VARIABLE, "").strip():
        return Secret(held)
    if sys.stdin.isatty():
        return Secret(getpass.getpass("token of a service account of Grafana: ", stream=sys.stderr).strip())
    raise typer.BadParameter(f"give it, or set {TOKEN_VARIABLE}", param_hint="--token-file")


def _show_retry(what: str, *, attempt: int, error: Exception, wait: float) -> None:
    del what  # the error names the request
    typer.echo(f"retry {attempt} in {wait:.1f} s: {error}", err=True)
