"""/docs: the OpenAPI document as a page, by Swagger UI, whose files come with the extra `tstats[page]`.

Nothing is loaded from anywhere else, and no script stands in the page itself.
"""

from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.package_files import static_files
from tstats.api.http.responses import KEPT
from tstats.api.http.routing import Route
from tstats.api.openapi.document import PATH

_PACKAGE = "fastapi_offline"  # which carries Swagger UI's files; it is not imported
_KINDS: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_MISSING = (
    "This page needs the files of Swagger UI, which are not installed: pip install 'tstats[page]'\n"
    f"The document that it would show is at {PATH}\n"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tstats: the API</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<noscript>This page needs JavaScript; the document is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = f"""SwaggerUIBundle({{
  url: "{PATH}",
  dom_id: "#api",
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
}});
"""
# Swagger UI sets styles on its elements, and has pictures in its style sheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_NOT_FOUND = 404


def folder() -> Path | None:
    """Where the files are; None when they are not installed."""
    return static_files(_PACKAGE, _KINDS)


def routes(static: Path | None) -> tuple[Route, ...]:
    """The page and its parts.

    Args:
        static: the folder of Swagger UI's files; None for a page that says what to install.
    """
    if static is None:
        return (Route(method="GET", path="/docs", handler=_missing),)
    parts = {"": (_PAGE.encode(), "text/html"), "start.js": (_START.encode(), "text/javascript")}

    async def page(request: Request) -> Response:
        name = request.scope["path"].removeprefix("/docs").lstrip("/")
        if name in _KINDS:
            return _part((static / name).read_bytes(), _KINDS[name])
        return _part(*parts[name])

    paths = ("/docs", "/docs/", *(f"/docs/{name}" for name in (*_KINDS, "start.js")))
    return tuple(Route(method="GET", path=path, handler=page) for path in paths)


async def _missing(request: Request) -> Response:
    del request
    return Response(_MISSING, _NOT_FOUND, media_type="text/plain")


def _part(content: bytes, kind: str) -> Response:
    headers = {"Cache-Control": KEPT, "Content-Security-Policy": _POLICY}
    return Response(content, media_type=kind, headers=headers)
