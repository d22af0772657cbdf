"""What a handler is, and what it is made with."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from tstats.traffic_control import traffic_ops

VERSIONS = traffic_ops.VERSIONS
"""The versions of Traffic Ops' API that are served, newest first."""

Handler = Callable[[Request], Awaitable[Response]]
"""Answers one request; `request.path_params["version"]` is the API's version where the route has one.

What it raises becomes an answer: `Denied` its alert, a `TstatsError` a 503, anything else a 500.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One way in.

    Attributes:
        method: of HTTP.
        path: `cache_stats` for `/api/{version}/cache_stats`; with a slash in front (`/healthz`), the path
            itself. One that ends with `*` takes every path that begins so.
        handler: answers it.
    """

    method: str
    path: str
    handler: Handler
