"""The subcommands of `tstats`: known by name and summary, imported only when they are called."""

import subprocess
import sys

import pytest
import typer.main

from influxdb_tools import sync_ts_databases
from tstats.catalog import DATABASES
from tstats.cli import app
from tstats.command import exits
from tstats.command.app import subcommands

ROOT = typer.main.get_command(app)

# What takes time to import, and what no help needs.
HEAVY = """
    aiohttp alembic grafana_foundation_sdk http.server influxdb msgspec prometheus_client psycopg pydantic
    requests rich sqlalchemy starlette structlog tenacity tstats.catalog urllib3 uvicorn uvloop zstandard
""".split()  # noqa: SIM905 (a list of words is easier to read)


def paths(command: object, *words: str) -> list[tuple[str, ...]]:
    """The words by which each command is called."""
    below = [path for name, found in subcommands(command).items() for path in paths(found, *words, name)]
    return [words, *below]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        exits.run(app, arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", subcommands(ROOT))
def test_a_summary_is_the_first_sentence_of_the_subcommands_own_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [line for line in shown(capsys, "--help").splitlines() if line.startswith(f"  {name} ")]
    assert line.removeprefix(f"  {name} ").strip() == subcommands(ROOT)[name].help.partition("\n")[0]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize("name", ["", "db", "dashboards", "rollup", "token"])
def test_no_summary_is_cut_at_80_columns(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "..." not in shown(capsys, *filter(None, [name]), "--help").partition("Commands:")[2]


def test_no_help_imports_what_only_the_work_needs() -> None:
    program = """
import contextlib, io, sys
from influxdb_tools import create_ts_databases, sync_ts_databases
from tstats.cli import app
from tstats.command import exits
for line in sys.argv[1].splitlines():
    program, *arguments = line.split()
    command = {"tstats": app, "create": create_ts_databases.app, "sync": sync_ts_databases.app}[program]
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        exits.run(command, [*arguments, "--help"])
print(*(name for name in sys.argv[2:] if name in sys.modules))
"""
    calls = [" ".join(["tstats", *words]) for words in paths(ROOT)] + ["create", "sync"]
    assert len(calls) > 20
    done = subprocess.run(
        [sys.executable, "-c", program, "\n".join(calls), *HEAVY], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == ([], "")


def test_a_mistyped_subcommand_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        exits.run(app, ["colect"])
    assert ended.value.code == 2
    assert "Did you mean 'collect'?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["rollup"]])
def test_a_group_without_a_subcommand_shows_its_help(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        exits.run(app, arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: ")
    assert "error" not in err


@pytest.mark.parametrize(
    ("words", "completions"),
    [
        ("tstats ro", ["rollup"]),
        ("tstats rollup re", ["repair"]),
        ("tstats rollup status --thor", ["--thorough"]),
    ],
)
def test_the_shell_completes_subcommands_and_options(
    words: str, completions: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["tstats"])
    monkeypatch.setenv("_TSTATS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    assert shown(capsys).split() == completions


def test_the_help_of_sync_names_every_database(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        sync_ts_databases.main(["--help"])
    names = ", ".join(sorted(database.name for database in DATABASES[:-1]))
    assert f"all, {names} or {DATABASES[-1].name}" in " ".join(capsys.readouterr().out.split())
