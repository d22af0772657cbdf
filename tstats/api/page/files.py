"""The files of the page: its own, and those of uPlot, which come with the extra `tstats[page]`.

The page loads nothing from another host, and its HTML contains neither scripts nor styles.
"""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.package_files import static_folder
from tstats.api.http.responses import REVALIDATE
from tstats.api.http.routing import Route

_OWN = Path(__file__).parents[1] / "static"
_PACKAGE = "uplot"  # the Python package that carries uPlot's files; it is not imported
_UPLOT: Final = ("uPlot.iife.js", "uPlot.min.css")
_MEDIA_TYPES: Final = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
# Served in place of uPlot if it is not installed: the page then says so where a chart would be.
_NOT_INSTALLED = b"/* pip install 'tstats[page]' */\n"


def uplot_folder() -> Path | None:
    """Return the folder of uPlot's files; None if they are not installed."""
    return static_folder(_PACKAGE, _UPLOT)


def routes(uplot: Path | None) -> list[Route]:
    """Return the routes of the page `/` and its files below `/page/`.

    Args:
        uplot: the folder of uPlot's files; None for a page that says what to install in place of its charts.
    """
    found = {f"/page/{file.name}": file.read_bytes() for file in sorted(_OWN.iterdir()) if file.is_file()}
    found["/"] = found.pop("/page/index.html")
    for name in _UPLOT:
        found[f"/page/{name}"] = (uplot / name).read_bytes() if uplot else _NOT_INSTALLED
    return [_route(path, content) for path, content in found.items()]


def _route(path: str, content: bytes) -> Route:
    media_type = _MEDIA_TYPES[Path(path).suffix or ".html"]
    headers = {"Cache-Control": REVALIDATE, "Content-Security-Policy": _POLICY, "Vary": "Accept-Encoding"}

    async def handler(_request: Request) -> Response:
        return Response(content, media_type=media_type, headers=headers)

    return Route(method="GET", path=path, handler=handler)
