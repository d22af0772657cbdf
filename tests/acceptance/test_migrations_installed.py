"""The migrations as they are used: by the alembic command in a checkout, and from the installed wheel."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.commands import command
from tests.support.days import sql_rows
from tstats.core.secret import Secret
from tstats.db.database import Database
from tstats.db.migrations import Migrations

CHECKOUT = Path(__file__).parents[2]


def test_alembic_upgrades_from_a_checkout(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path / 'tstats.db'}"

    def alembic(*arguments: str) -> str:
        return subprocess.run(
            [command("alembic"), *arguments],
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"], "TSTATS_DATABASE_URL": database_url},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    assert alembic("upgrade", "head") == "0 duplicates archived\n"
    assert alembic("check") == "No new upgrade operations detected.\n"
    assert Migrations(Database(Secret(database_url))).problems() == []
    alembic("downgrade", "base")
    assert sql_rows(database_url) == {}


def test_the_wheel_carries_the_migrations(wheel: Path, tmp_path: Path) -> None:
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    # It comes first on the path, before the checkout that the tests are installed from.
    script = (
        "import sys, tstats, migrations; from tstats.cli import main;"
        "assert tstats.__file__.startswith(sys.argv[1]) and migrations.__file__.startswith(sys.argv.pop(1));"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, installed, "db", "upgrade", "--database-url", "sqlite:///t.db"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("0 duplicates archived\nbase -> 0004\n", "")
    assert done.returncode == 0
    assert (elsewhere / "t.db").exists()
