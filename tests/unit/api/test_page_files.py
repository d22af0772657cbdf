"""The page's files: what they may do in a browser, and that they need nobody else."""

import asyncio
import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.responses import KEPT
from tstats.api.page import files as page_files

ROUTES = {route.path: route for route in page_files.routes(page_files.folder())}
OWN = Path(page_files.__file__).parents[1] / "static"


def answer(path: str) -> tuple[str, str, str]:
    """Body, kind and policy of a file."""

    async def answered() -> Response:
        return await ROUTES[path].handler(Request({"type": "http", "method": "GET", "headers": []}))

    response = asyncio.run(answered())
    assert response.headers["cache-control"] == KEPT
    policy = response.headers["content-security-policy"]
    return bytes(response.body).decode(), response.headers["content-type"], policy


def test_every_file_says_that_nothing_comes_from_elsewhere() -> None:
    for path in ROUTES:
        _, _, policy = answer(path)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.pop("default-src") == "'none'"
        assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert "unsafe" not in policy


def test_what_a_file_asks_for_is_there() -> None:
    for path in ROUTES:
        body, kind, _ = answer(path)
        if "uPlot" in path:
            continue
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", body), path
        named = re.findall(r'(?:src|href)="(page/[^"]+)"', body) if "html" in kind else []
        named += [f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', body)]
        assert {f"/{name}" for name in named} <= ROUTES.keys(), path


def test_neither_script_nor_style_stands_in_the_html() -> None:
    body, kind, _ = answer("/")
    assert kind.startswith("text/html")
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", body)


@pytest.mark.parametrize("name", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("])
def test_no_text_becomes_html(name: str) -> None:
    assert [file.name for file in OWN.iterdir() if name in file.read_text()] == []


def test_without_the_extra_the_page_still_has_all_its_parts() -> None:
    without = page_files.routes(None)
    assert [route.path for route in without] == list(ROUTES)


def test_every_line_of_a_chart_has_a_colour_in_both_themes() -> None:
    body, _, _ = answer("/page/page.css")
    light, dark = body.split('[data-theme="dark"]', 1)
    names = {f"--line-{number}" for number in range(12)} | {"--faint", "--quiet", "--grid", "--accent"}
    for theme in (light, dark):
        assert names <= set(re.findall(r"(--[a-z0-9-]+):", theme))
