"""The command `tstats api`: Traffic Ops' statistics routes over HTTP."""

from typing import Annotated

import typer

from tstats.command.app import new_app
from tstats.command.options import Cfg, LogFormat

app = new_app()


@app.command()
def api(
    *,
    cfg: Cfg,
    bind: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where to listen.")] = "127.0.0.1:8080",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the port.")] = 1,
    log_format: LogFormat = None,
) -> None:
    """Serve the statistics over HTTP, as Traffic Ops does.

    The routes are cache_stats, deliveryservice_stats, current_stats and stats_summary of the versions 3.0,
    3.1, 4.0, 4.1 and 5.0, below /api/; also /healthz and /metrics. The key apiAuth decides who has access:
    the sessions of Traffic Ops (the default), the tokens of tstats token, or everybody, which is allowed on a
    loopback address only.

    Signals: SIGTERM and SIGINT finish the requests in progress and exit; with several workers, SIGHUP starts
    new ones, which reload the file.

    Exit status: 0 stopped as requested; 1 something failed; 2 invalid configuration or wrong usage.
    """
    from functools import partial

    from tstats.api import assembly
    from tstats.api.access.stand_alone import check_bind
    from tstats.api.http import serving
    from tstats.command import logs
    from tstats.config.loading import bind_address, load

    settings = load(cfg)
    host, port = bind_address(bind, "--bind")
    check_bind(settings.api_auth, host)
    chosen = log_format or settings.log_format
    logs.configure(settings.logs, chosen)
    serving.serve(
        partial(assembly.build_worker, cfg, chosen),
        host=host,
        port=port,
        workers=workers,
        tls_cert=settings.api_tls_cert or None,
        tls_key=settings.api_tls_key or None,
    )
