"""The command `tstats api`: Traffic Ops' statistics routes over HTTP."""

from pathlib import Path
from typing import Annotated

import typer


def api(
    *,
    cfg: Annotated[
        Path,
        typer.Option(
            "--cfg", envvar="TSTATS_CFG", help="The configuration of tstats collect.", show_default=False
        ),
    ],
    bind: Annotated[str, typer.Option(help="host:port to listen at.")] = "127.0.0.1:8080",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port.")] = 1,
    log_format: Annotated[
        str | None,
        typer.Option("--log-format", help="text or json; overrides logFormat.", show_default=False),
    ] = None,
) -> None:
    """Serve cache_stats, deliveryservice_stats, current_stats and stats_summary as Traffic Ops does.

    Versions 3.0, 3.1, 4.0, 4.1 and 5.0, below /api/; also /healthz and /metrics. Who may ask is apiAuth in
    the file: the sessions of Traffic Ops (default), tokens of tstats token, or, at a loopback address only,
    everybody.

    Signals: SIGTERM and SIGINT answer what has been asked, and end; with several workers, SIGHUP begins new
    ones, which read the file again.

    Exit status: 0 ended as asked; 1 something failed; 2 the configuration or the options are wrong.
    """
    # Imported late: `--help` shall not wait for what only the work needs.
    from functools import partial

    from tstats.api import assembly
    from tstats.api.access.stand_alone import check_bind
    from tstats.api.http import serving
    from tstats.command import logs
    from tstats.config import loading as config

    if log_format not in (None, "text", "json"):
        raise typer.BadParameter("text or json", param_hint="--log-format")
    settings = config.load(cfg)
    host, port = config.bind_address(bind, "--bind")
    check_bind(settings.api_auth, host)
    logs.configure(settings.logs, log_format or settings.log_format)
    serving.serve(
        partial(assembly.build_worker, cfg, log_format or settings.log_format),
        host=host,
        port=port,
        workers=workers,
        tls_cert=settings.api_tls_cert or None,
        tls_key=settings.api_tls_key or None,
    )
