"""Serving an application by one process, or by several that share a socket."""

import contextlib
import gc
import os
import resource
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
from starlette.types import ASGIApp

from tstats.api.http.metrics import SHARED_FOLDER_VARIABLE
from tstats.api.http.protocol import IDLE_SECONDS, LimitedHttpProtocol
from tstats.api.http.supervision import SupervisedServer, SupervisedWorkers
from tstats.command import logs
from tstats.errors import ConfigError

_MAX_CONNECTIONS = 4_000  # per process; the server itself answers further ones with 503
_GRACE_SECONDS = 10  # for the requests in progress when it stops
_BACKLOG = 2_048


def serve(
    build: Callable[[], ASGIApp],
    *,
    host: str,
    port: int,
    workers: int,
    tls_cert: str | None = None,
    tls_key: str | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; with several workers, SIGHUP replaces them.

    Args:
        build: makes the application, in each worker; it is pickled on the way there.
        host: the address to listen on.
        port: the port; 0 takes a free one, which the log names.
        workers: the number of processes, at least 1.
        tls_cert: the path of a certificate (PEM); None for plain http.
        tls_key: the path of its key (PEM), without a password.

    Raises:
        ConfigError: the address cannot be bound, or a TLS file cannot be used.
    """
    if tls_cert:
        _check_tls(tls_cert, tls_key)
    listening = _listen(host, port)
    _raise_open_files_limit()
    configuration = uvicorn.Config(
        partial(_build, build),
        factory=True,
        workers=workers,
        http=LimitedHttpProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_MAX_CONNECTIONS,
        backlog=_BACKLOG,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    log = logs.get("api")
    address, bound_port = listening.getsockname()[:2]
    url = f"{'https' if tls_cert else 'http'}://{address}:{bound_port}"
    with listening, contextlib.ExitStack() as stack:
        if workers == 1:
            server = SupervisedServer(configuration)
            log.info("listening", url=url, workers=workers)
            server.run(sockets=[listening])
        else:
            stack.enter_context(_shared_metrics())
            log.info("listening", url=url, workers=workers)
            SupervisedWorkers(configuration, sockets=[listening]).run()
    log.info("stopped")


def _build(build: Callable[[], ASGIApp]) -> ASGIApp:
    app = build()
    # What exists now lives as long as the process: the garbage collector need not visit it during requests.
    gc.collect()
    gc.freeze()
    return app


def _check_tls(cert: str, key: str | None) -> None:
    """Raise a ConfigError if the files cannot be used: in a worker it would be a traceback."""

    def no_password() -> str:
        raise ConfigError(f"apiTlsKey: {key} has a password; use a key without one")

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key, password=no_password)
    except OSError as error:  # includes ssl.SSLError
        raise ConfigError(f"apiTlsCert, apiTlsKey: cannot use {cert} and {key}: {error}") from None


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(found[0][4][:2], family=found[0][0], backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"--bind: cannot listen on {host}:{port}: {error.strerror}; choose another address or port"
        ) from None


def _raise_open_files_limit() -> None:
    """Allow as many connections as the system lets this user have, whatever the shell's soft limit is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    """Provide a folder for the metrics of all workers, which inherit the variable that names it."""
    with tempfile.TemporaryDirectory(prefix="tstats-api-") as folder:
        os.environ[SHARED_FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER_VARIABLE]
