"""The wheel in an environment outside the checkout: every command starts and works.

Here the environment borrows its dependencies from the one that runs the tests; `scripts/wheel` runs the same
tests in an environment where the dependencies are installed.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tstats.cli import app
from tstats.command.app import subcommands
from tstats.influx.client import Influx

PREPARED = "INSTALLED_TSTATS"  # the folder of an environment that already has the wheel


def leaves(command: Any, *words: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 (Typer keeps its own click)
    """Yield every command and every group of commands."""
    yield words
    for name, below in subcommands(command).items():
        yield from leaves(below, *words, name)


COMMANDS = list(leaves(typer.main.get_command(app)))


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment in which the wheel is installed."""
    if prepared := os.environ.get(PREPARED):
        return Path(prepared)
    wheel: Path = request.getfixturevalue("wheel")
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python*/site-packages")
    # The packages of the tests, but not the checkout: a .pth file among them is not read.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder


def run(installed: Path, folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the environment in a folder outside the checkout."""
    return subprocess.run(
        [installed / "bin" / words[0], *words[1:]],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_environment_has_the_wheel_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    script = "import tstats, influxdb_tools, migrations; print(tstats.__file__, *migrations.__path__)"
    done = run(installed, tmp_path, "python", "-c", script)
    assert done.returncode == 0, done.stderr
    assert all(file.startswith(str(installed)) for file in done.stdout.split())


@pytest.mark.parametrize("program", ["tstats", "create_ts_databases", "sync_ts_databases"])
def test_every_program_starts(program: str, installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: {program}" in done.stdout


def test_every_command_of_tstats_starts(installed: Path, tmp_path: Path) -> None:
    """All in one process, for speed."""
    script = """
import sys
from tstats.cli import app
for line in sys.argv[1:]:
    assert app(args=[*line.split(), "--help"], prog_name="tstats", standalone_mode=False) in (0, None), line
"""
    done = run(installed, tmp_path, "python", "-c", script, *map(" ".join, COMMANDS))
    assert (done.returncode, done.stderr) == (0, "")
    for words in COMMANDS:
        assert f"Usage: tstats {' '.join(words)}".rstrip() in done.stdout
    assert len(COMMANDS) > 15


def test_every_module_finds_what_it_imports(installed: Path, tmp_path: Path) -> None:
    script = """
import importlib, pkgutil, influxdb_tools, tstats
for package in (tstats, influxdb_tools):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
"""
    done = run(installed, tmp_path, "python", "-c", script)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_work(installed: Path, influx: Influx, tmp_path: Path) -> None:
    for words in (
        ("create_ts_databases", "--url", influx.url, "--replication", "1"),
        ("create_ts_databases", "--url", influx.url, "--replication", "1", "--check"),
        ("tstats", "db", "upgrade", "--database-url", "sqlite:///tstats.db"),
        ("tstats", "dashboards", "export", "grafana"),
    ):
        done = run(installed, tmp_path, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "tstats.db").exists()
    assert list((tmp_path / "grafana" / "dashboards").glob("*.json"))
