"""Connections as the settings ask for them."""

from tstats.config.settings import Settings
from tstats.influx.client import Endpoint, Influx
from tstats.traffic_control.traffic_ops import TrafficOps
from tstats.transport.retry import ONCE, RetryPolicy


def influx(settings: Settings, url: str, *, retry: RetryPolicy = ONCE) -> Influx:
    """A connection to one of `influxUrls`.

    Raises:
        ConfigError: it is no URL of an InfluxDB.
    """
    return Influx(endpoint(settings, url), retry=retry)


def endpoint(settings: Settings, url: str) -> Endpoint:
    """One of `influxUrls`, and how to be let in there.

    Raises:
        ConfigError: it is no URL of an InfluxDB.
    """
    return Endpoint.parse(
        url,
        user=settings.influx_user,
        password=settings.influx_password,
        timeout=settings.influx_timeout,
        ca_cert=settings.influx_ca_cert or None,
        insecure=settings.influx_insecure,
    )


def queried_urls(settings: Settings) -> list[str]:
    """Those of `influxUrls` that answer questions, each once: a UDP listener does not."""
    return [url for url in dict.fromkeys(settings.influx_urls) if not url.startswith("udp://")]


def traffic_ops(settings: Settings) -> TrafficOps:
    """A session with Traffic Ops, not begun yet."""
    return TrafficOps(
        settings.to_url,
        user=settings.to_user,
        password=settings.to_passwd,
        timeout=settings.to_request_timeout,
        ca_cert=settings.to_ca_cert,
        insecure=settings.to_insecure,
    )
