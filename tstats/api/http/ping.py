"""GET ping: is anybody there? Without a session."""

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.responses import json_answer
from tstats.api.http.routing import Route


async def ping(request: Request) -> Response:
    """Answer as Traffic Ops does."""
    del request
    return json_answer(b'{"ping":"pong"}')


ROUTES = (Route(method="GET", path="ping", handler=ping),)
