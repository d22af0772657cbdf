"""The server's processes: one, or several that share a socket."""

import contextlib
import gc
import os
import resource
import socket
import ssl
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import uvicorn

from tstats.api.http.app import App
from tstats.api.http.protocol import IDLE_SECONDS, Connection
from tstats.api.http.supervision import Server, Workers
from tstats.command import logs
from tstats.config import loading as config
from tstats.config.settings import Settings
from tstats.errors import ConfigError

_CONNECTIONS = 4_000  # of a process, at once; more are answered 503 by the server itself
_GRACE_SECONDS = 10  # for the answers on their way, when it ends
_BACKLOG = 2_048


def serve(cfg: Path, settings: Settings, *, host: str, port: int, workers: int, log_format: str) -> None:
    """Serve until SIGTERM or SIGINT; with several workers, SIGHUP begins new ones, which read the file again.

    Args:
        cfg: the configuration file, which each worker reads again.
        settings: what it says now.
        host: where to listen.
        port: the same; 0 takes a free one, which the log names.
        workers: processes, one at least.
        log_format: `text` or `json`.

    Raises:
        ConfigError: it cannot listen there, or a file of TLS cannot be used.
    """
    _check_tls(settings)
    listening = _listen(host, port)
    _allow_many_files()
    configuration = uvicorn.Config(
        partial(_application, cfg, log_format),
        factory=True,
        workers=workers,
        http=Connection,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=settings.api_tls_cert or None,
        ssl_keyfile=settings.api_tls_key or None,
    )
    log = logs.get("api")
    scheme = "https" if settings.api_tls_cert else "http"
    shown, bound = listening.getsockname()[:2]
    with listening, contextlib.ExitStack() as stack:
        if workers == 1:
            server = Server(configuration)
            log.info("listening", url=f"{scheme}://{shown}:{bound}", workers=workers)
            server.run(sockets=[listening])
        else:
            stack.enter_context(_shared_metrics())
            log.info("listening", url=f"{scheme}://{shown}:{bound}", workers=workers)
            Workers(configuration, sockets=[listening]).run()
    log.info("stopped")


def _application(cfg: Path, log_format: str) -> App:
    """What a worker serves: it reads the file by itself, so that no secret goes through a pipe."""
    from tstats.api.assembly import assembled  # noqa: PLC0415 (the metrics' client looks at the environment)

    settings = config.load(cfg)
    logs.configure(settings.logs, log_format)
    app = assembled(settings)
    # What is there now stays: the collector need not look at it again while it works for requests.
    gc.collect()
    gc.freeze()
    return app


def _check_tls(settings: Settings) -> None:
    """Say what is wrong with the files here: a worker would end with a traceback."""
    if not settings.api_tls_cert:
        return

    def no_password() -> str:
        raise ConfigError(f"apiTlsKey: {settings.api_tls_key}: a key with a password cannot be used")

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.api_tls_cert, settings.api_tls_key, password=no_password)
    except OSError as error:  # ssl.SSLError is one
        files = f"{settings.api_tls_cert} and {settings.api_tls_key}"
        raise ConfigError(f"apiTlsCert, apiTlsKey: {files} cannot be used: {error}") from None


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"--bind: cannot listen at {host}:{port}: {error.strerror}; choose another address or port"
        ) from None


def _allow_many_files() -> None:
    """As many connections as the system lets this user have, whatever the shell's soft limit is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder in which the workers add up their metrics; found by the environment, which they inherit."""
    from tstats.api.http.metrics import SHARED  # noqa: PLC0415 (the same)

    with tempfile.TemporaryDirectory(prefix="tstats-api-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]
