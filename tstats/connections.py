"""The clients of the servers that the settings name; the only place that builds them from settings."""

from tstats.config.settings import Settings
from tstats.db.database import LOCK_SECONDS, STATEMENT_SECONDS, Database
from tstats.influx.client import Endpoint, Influx
from tstats.traffic_control.traffic_ops import TrafficOps
from tstats.transport.retry import ONCE, RetryPolicy


def queried_urls(settings: Settings) -> list[str]:
    """Return those of `influxUrls` that can be queried, each once; a UDP listener cannot."""
    return [url for url in dict.fromkeys(settings.influx_urls) if not url.startswith("udp://")]


def endpoint(settings: Settings, url: str) -> Endpoint:
    """Return one of `influxUrls` with its credentials, timeout and TLS options.

    Raises:
        ConfigError: the URL is invalid.
    """
    return Endpoint.parse(
        url,
        user=settings.influx_user,
        password=settings.influx_password,
        timeout=settings.influx_timeout,
        ca_cert=settings.influx_ca_cert or None,
        insecure=settings.influx_insecure,
    )


def influx(settings: Settings, url: str, *, retry: RetryPolicy = ONCE) -> Influx:
    """Return a client of one of `influxUrls`; nothing is sent yet.

    Raises:
        ConfigError: the URL is invalid.
    """
    return Influx(endpoint(settings, url), retry=retry)


def traffic_ops(settings: Settings) -> TrafficOps:
    """Return a session with Traffic Ops that has not logged in yet."""
    return TrafficOps(
        settings.to_url,
        user=settings.to_user,
        password=settings.to_passwd,
        timeout=settings.to_request_timeout,
        ca_cert=settings.to_ca_cert,
        insecure=settings.to_insecure,
    )


def database(
    settings: Settings,
    *,
    lock_seconds: float = LOCK_SECONDS,
    statement_seconds: float = STATEMENT_SECONDS,
) -> Database:
    """Return the SQL database of the summaries; nothing is connected to yet.

    Args:
        settings: with `databaseUrl`, or else the spool beside which the SQLite file lies.
        lock_seconds: how long a statement waits for another session's lock.
        statement_seconds: how long a statement may take on PostgreSQL.

    Raises:
        ConfigError: `databaseUrl` is invalid.
    """
    return Database(settings.summary_database, lock_seconds=lock_seconds, statement_seconds=statement_seconds)
