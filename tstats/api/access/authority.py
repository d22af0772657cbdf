"""Who decides on access, by the settings."""

import time
from collections.abc import Callable

from tstats.api.access.access import Access
from tstats.api.access.origin import is_loopback
from tstats.api.access.recorded_names import Reader, TaggedNames
from tstats.api.access.sessions import TrafficOpsAccess
from tstats.api.access.stand_alone import StandAloneAccess, by_token, everybody
from tstats.api.access.token_file import FollowedTokens, TokenFile
from tstats.api.access.traffic_ops_view import TrafficOpsView
from tstats.config.settings import Settings
from tstats.errors import ConfigError


def make(settings: Settings, reader: Reader, *, clock: Callable[[], float] = time.monotonic) -> Access:
    """The access that apiAuth asks for.

    Args:
        settings: checked ones.
        reader: of InfluxDB, for what exists where there is no Traffic Ops; not closed with the access.
        clock: seconds that only grow.

    Raises:
        ConfigError: toCaCert cannot be read.
        TokenError: the file of the tokens is there and cannot be used.
    """
    if settings.api_auth == "trafficOps":
        view = TrafficOpsView(
            settings.to_url,
            timeout=settings.to_request_timeout,
            ca_cert=settings.to_ca_cert,
            insecure=settings.to_insecure,
        )
        return TrafficOpsAccess(view, seconds=settings.api_auth_cache_seconds, clock=clock)
    names = TaggedNames(reader, clock=clock)
    if settings.api_auth == "none":
        return StandAloneAccess(everybody, names)
    file = TokenFile(settings.tokens_file)
    file.read()
    return StandAloneAccess(by_token(FollowedTokens(file)), names)


def check_bind(settings: Settings, host: str) -> None:
    """Refuse to serve everybody elsewhere than on this machine.

    Args:
        settings: checked ones.
        host: where the API is to listen.

    Raises:
        ConfigError: apiAuth is `none`, and others reach `host`.
    """
    if settings.api_auth == "none" and not is_loopback(host):
        raise ConfigError(
            f"apiAuth: 'none' lets everybody in who reaches {host}: bind to 127.0.0.1, or take 'tokens' or"
            " 'trafficOps'"
        )
