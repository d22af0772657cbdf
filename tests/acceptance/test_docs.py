"""The documentation builds without warnings, loads nothing from other hosts, and is up to date."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from tests.support.commands import command
from tests.support.shown_commands import CHECKOUT, PAGES
from tstats.config import loading as config
from tstats.config.settings import Settings

LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
NOT_LOADED = {"canonical", "next", "prev", "alternate"}  # links to pages


class Loaded(HTMLParser):
    """Collects what a browser loads with a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        address = named.get(LOADS.get(tag, ""))
        if address and named.get("rel") not in NOT_LOADED:
            self.addresses.add(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built documentation; a broken link or anchor would be an error."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [command("mkdocs"), "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=CHECKOUT,
        env={"PATH": "/usr/bin:/bin", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_a_broken_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[x](index.md#nowhere) [y](missing.md)", encoding="utf-8")
    text = (CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [command("mkdocs"), "build", "--strict"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "missing.md" in done.stderr


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {page.relative_to(CHECKOUT / "docs") for page in (CHECKOUT / "docs").rglob("*.md")}
    assert {page.with_suffix(".html") for page in pages} <= {
        built.relative_to(site) for built in site.rglob("*.html")
    }


def test_nothing_is_loaded_from_other_hosts(site: Path) -> None:
    loaded = Loaded()
    for page in site.rglob("*.html"):
        loaded.feed(page.read_text(encoding="utf-8"))
    assert loaded.addresses
    assert [address for address in loaded.addresses if re.match(r"(\w+:)?//", address)] == []
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", sheet.read_text(encoding="utf-8")), (
            sheet
        )


def test_the_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.reference", "--check"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_reference_lists_every_key_with_its_variable() -> None:
    page = (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(Settings):
        key = field.encode_name
        assert f"| `{key}` |" in page
        assert f"`{config.environment_name(key)}`" in page


def test_every_configuration_in_the_pages_can_be_used(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("twelve12", encoding="utf-8")
    found = [
        block
        for page in PAGES
        for block in re.findall(
            r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        )
        if "toUrl" in block
    ]
    assert found
    for block in found:
        values = json.loads(block) | {"toPasswdFile": str(password)}
        (tmp_path / "traffic_stats.cfg").write_text(json.dumps(values), encoding="utf-8")
        assert config.load(tmp_path / "traffic_stats.cfg", environment={}, to_collect=True).to_passwd


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_a_completion_script(shell: str) -> None:
    done = complete({"_TSTATS_COMPLETE": f"source_{shell}"})
    assert "_TSTATS_COMPLETE=complete_" + shell in done


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tstats ro", {"rollup"}),
        ("tstats rollup ", {"status", "repair", "run"}),
        ("tstats dashboards ex", {"export"}),
        ("tstats collect --on", {"--once"}),
    ],
)
def test_bash_completes_commands_and_options(typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    done = complete(
        {"_TSTATS_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    )
    assert set(done.split()) == offered


def complete(environment: dict[str, str]) -> str:
    """Return what the command answers to a shell."""
    return subprocess.run(
        [command("tstats")],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
