"""The page's files: complete, safe in a browser, and independent of other hosts."""

import asyncio
import re
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from tstats.api.http.responses import REVALIDATE
from tstats.api.page import files as page_files

ROUTES = {route.path: route for route in page_files.routes(page_files.uplot_folder())}
OWN = Path(page_files.__file__).parents[1] / "static"


def fetch(path: str) -> tuple[str, str, str]:
    """Return the body, content type and policy of a file."""

    async def respond() -> Response:
        return await ROUTES[path].handler(Request({"type": "http", "method": "GET", "headers": []}))

    response = asyncio.run(respond())
    assert response.headers["cache-control"] == REVALIDATE
    policy = response.headers["content-security-policy"]
    return bytes(response.body).decode(), response.headers["content-type"], policy


def test_the_policy_of_every_file_forbids_other_hosts() -> None:
    for path in ROUTES:
        _, _, policy = fetch(path)
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules.pop("default-src") == "'none'"
        assert {rules[name] for name in ("script-src", "style-src", "img-src", "connect-src")} == {"'self'"}
        assert "unsafe" not in policy


def test_every_file_that_is_referenced_exists() -> None:
    for path in ROUTES:
        body, kind, _ = fetch(path)
        if "uPlot" in path:
            continue
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", body), path
        named = re.findall(r'(?:src|href)="(page/[^"]+)"', body) if "html" in kind else []
        named += [f"page/{name}" for name in re.findall(r'from "\./([^"]+)"', body)]
        assert {f"/{name}" for name in named} <= ROUTES.keys(), path


def test_the_html_contains_no_scripts_or_styles() -> None:
    body, kind, _ = fetch("/")
    assert kind.startswith("text/html")
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", body)


@pytest.mark.parametrize("name", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("])
def test_no_text_is_parsed_as_html(name: str) -> None:
    assert [file.name for file in OWN.iterdir() if name in file.read_text()] == []


def test_without_the_extra_the_page_still_has_all_its_files() -> None:
    without = page_files.routes(None)
    assert [route.path for route in without] == list(ROUTES)


def test_every_line_of_a_chart_has_a_color_in_both_themes() -> None:
    body, _, _ = fetch("/page/page.css")
    light, dark = body.split('[data-theme="dark"]', 1)
    names = {f"--line-{number}" for number in range(12)} | {"--faint", "--quiet", "--grid", "--accent"}
    for theme in (light, dark):
        assert names <= set(re.findall(r"(--[a-z0-9-]+):", theme))
