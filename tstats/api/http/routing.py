"""Routes and handlers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tstats.traffic_control import traffic_ops

VERSIONS = traffic_ops.VERSIONS
"""The versions of Traffic Ops' API that are served, newest first."""

Handler = Callable[[Request], Awaitable[Response]]
"""Answers one request; `request.path_params["version"]` is the version of the API where the path has one.

An exception becomes a response: a `Problem` its alert, a `TstatsError` a 503, anything else a 500.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and a path, and the handler that answers them.

    Attributes:
        method: the HTTP method.
        path: `cache_stats` for `/api/{version}/cache_stats`; with a leading slash (`/healthz`), the path
            itself.
        handler: the handler.
    """

    method: str
    path: str
    handler: Handler
