"""/docs: the OpenAPI document in Swagger UI, whose files come with the extra `tstats[page]`.

The page loads nothing from another host, and its HTML contains no scripts.
"""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.package_files import static_folder
from tstats.api.http.responses import REVALIDATE
from tstats.api.http.routing import Route
from tstats.api.openapi.document import PATH

_PACKAGE = "fastapi_offline"  # the Python package that carries Swagger UI's files; it is not imported
_MEDIA_TYPES: Final = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_MISSING = (
    "This page needs Swagger UI, which is not installed: pip install 'tstats[page]'\n"
    f"The document itself is at {PATH}\n"
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
# Swagger UI sets styles on its elements, and its style sheet contains images.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def swagger_ui_folder() -> Path | None:
    """Return the folder of Swagger UI's files; None if they are not installed."""
    return static_folder(_PACKAGE, _MEDIA_TYPES)


def routes(swagger_ui: Path | None) -> tuple[Route, ...]:
    """Return the routes of the page and its files.

    Args:
        swagger_ui: the folder of Swagger UI's files; None for a page that says what to install.
    """
    if swagger_ui is None:
        return (Route(method="GET", path="/docs", handler=_missing),)
    own = {"": (_PAGE.encode(), "text/html"), "start.js": (_START.encode(), "text/javascript")}

    async def page(request: Request) -> Response:
        name = request.scope["path"].removeprefix("/docs").lstrip("/")
        if name in _MEDIA_TYPES:
            return _file((swagger_ui / name).read_bytes(), _MEDIA_TYPES[name])
        return _file(*own[name])

    paths = ("/docs", "/docs/", *(f"/docs/{name}" for name in (*_MEDIA_TYPES, "start.js")))
    return tuple(Route(method="GET", path=path, handler=page) for path in paths)


async def _missing(_request: Request) -> Response:
    return Response(_MISSING, HTTPStatus.NOT_FOUND, media_type="text/plain")


def _file(content: bytes, media_type: str) -> Response:
    headers = {"Cache-Control": REVALIDATE, "Content-Security-Policy": _POLICY}
    return Response(content, media_type=media_type, headers=headers)
