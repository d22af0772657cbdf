"""The commands, options and variables on the pages about the doctor and moving over exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import typer.main

from influxdb_tools.create_ts_databases import app as create_app
from influxdb_tools.sync_ts_databases import app as sync_app
from tstats.cli import app
from tstats.command.app import subcommands
from tstats.config import loading as config
from tstats.doctor.diagnosis import Verdict

DOCS = Path(__file__).parents[3] / "docs"
APPS = {"tstats": app, "create_ts_databases": create_app, "sync_ts_databases": sync_app}
PAGES = ("doctor.md", "moving_over.md")


def commands(page: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^    (?:\$ )?((?:{'|'.join(APPS)}) .*)$", text, re.MULTILINE)


SHOWN = [(page, line) for page in PAGES for line in commands(page)]


def test_the_pages_show_commands() -> None:
    assert {page for page, _ in SHOWN} == set(PAGES)


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_every_shown_command_exists(page: str, line: str) -> None:
    del page
    name, *arguments = shlex.split(line)
    command = typer.main.get_command(APPS[name])
    context = command.make_context(name, arguments)
    while below := subcommands(command):
        name, *arguments = [*context._protected_args, *context.args]  # noqa: SLF001 (the parser keeps them so)
        command = below[name]
        context = command.make_context(name, arguments, parent=context)


def test_every_shown_variable_belongs_to_a_setting() -> None:
    text = "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES)
    known = {config.environment_name(key) for key in config._FIELDS}  # noqa: SLF001 (the list of all)
    assert set(re.findall(r"TSTATS_[A-Z_]+", text)) <= known


def test_the_page_explains_every_verdict() -> None:
    text = (DOCS / "doctor.md").read_text(encoding="utf-8")
    assert len(Verdict) == 4
    for shown in ("`ok`", "`warning`", "`wrong`", "`notChecked`"):
        assert shown in text
