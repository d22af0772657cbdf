"""The page itself: its own files, and those of uPlot, which come with the extra `tstats[page]`.

Nothing is loaded from anywhere else, and neither script nor style stands in the page's HTML.
"""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.package_files import static_files
from tstats.api.http.responses import KEPT
from tstats.api.http.routing import Route

_OWN = Path(__file__).parents[1] / "static"
_PACKAGE = "uplot"  # which carries uPlot's files; it is not imported
_CHARTS: Final = ("uPlot.iife.js", "uPlot.min.css")
_KINDS: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# In place of what is not installed: the page then says so where a chart would be.
_NOT_INSTALLED = b"/* pip install 'tstats[page]' */\n"


def folder() -> Path | None:
    """Where uPlot's files are; None when they are not installed."""
    return static_files(_PACKAGE, _CHARTS)


def routes(charts: Path | None) -> list[Route]:
    """`/` and its parts, below `/page/`.

    Args:
        charts: the folder of uPlot's files; None for a page whose charts say what to install.
    """
    found = {f"/page/{file.name}": file.read_bytes() for file in sorted(_OWN.iterdir()) if file.is_file()}
    found["/"] = found.pop("/page/index.html")
    for name in _CHARTS:
        found[f"/page/{name}"] = (charts / name).read_bytes() if charts else _NOT_INSTALLED
    return [_route(path, content) for path, content in found.items()]


def _route(path: str, content: bytes) -> Route:
    kind = _KINDS[Path(path).suffix or ".html"]
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": _POLICY, "Vary": "Accept-Encoding"}

    async def handler(request: Request) -> Response:
        del request
        return Response(content, media_type=kind, headers=headers)

    return Route(method="GET", path=path, handler=handler)
