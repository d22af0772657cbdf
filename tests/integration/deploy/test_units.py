"""The unit files of deploy/systemd, checked by systemd's own tools; systemd itself need not run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import command
from tstats.config import loading as config

SYSTEMD = Path(__file__).parents[3] / "deploy" / "systemd"
UNITS = ("tstats-collect.service", "tstats-api.service")
PROGRAM = "/opt/tstats/bin/tstats"  # where the documentation installs it
EXPOSURE = 15  # of 100; "OK" ends at 50


def systemd(tool: str, *arguments: str | Path) -> str:
    """Return the output of one of systemd's tools; it must succeed."""
    path = shutil.which(tool)
    assert path, f"{tool} is not installed: apt-get install systemd (scripts/setup does it)"
    done = subprocess.run(
        [path, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def values(unit: str, key: str) -> list[str]:
    """Return the values of a key, in order."""
    return re.findall(rf"^{key}=(.*)$", (SYSTEMD / unit).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the units; they start the command that is installed here."""
    for unit in UNITS:
        text = (SYSTEMD / unit).read_text(encoding="utf-8")
        (tmp_path / unit).write_text(text.replace(PROGRAM, command("tstats")), encoding="utf-8")
        drop_ins = tmp_path / f"{unit}.d"
        drop_ins.mkdir()
        shutil.copy(SYSTEMD / "credentials.conf", drop_ins)
    return tmp_path


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_every_line(unit: str, installed: Path) -> None:
    assert systemd("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", installed / unit) == ""


def test_systemd_would_report_an_unknown_key(installed: Path) -> None:
    unit = installed / UNITS[0]
    unit.write_text(unit.read_text(encoding="utf-8").replace("WatchdogSec=", "Watchdog="), encoding="utf-8")
    assert "Watchdog" in systemd("systemd-analyze", "verify", "--man=no", unit)


@pytest.mark.parametrize("unit", UNITS)
def test_the_exposure_is_low(unit: str) -> None:
    review = systemd(
        "systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", SYSTEMD / unit
    )
    assert "Overall exposure level" in review


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_starts_an_existing_command(unit: str) -> None:
    (start,) = values(unit, "ExecStart")
    program, *arguments = start.split()
    assert program == PROGRAM
    subprocess.run([command("tstats"), arguments[0], "--help"], check=True, capture_output=True, timeout=60)
    assert arguments[1:3] == ["--cfg", "/etc/tstats/traffic_stats.cfg"]
    assert "pass" not in start.lower()


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_has_notifications_a_watchdog_and_reloads(unit: str) -> None:
    assert values(unit, "Type") == ["notify"]
    assert int(*values(unit, "WatchdogSec")) >= 30
    assert values(unit, "ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_the_drop_in_sets_existing_variables() -> None:
    names = re.findall(r"^Environment=(\w+)=", (SYSTEMD / "credentials.conf").read_text(), re.MULTILINE)
    assert names
    known = {config.environment_name(key) for key in config._FIELDS}  # noqa: SLF001 (the list of all)
    assert set(names) <= known


def test_both_units_run_as_the_user_that_sysusers_creates(tmp_path: Path) -> None:
    systemd("systemd-sysusers", "--dry-run", f"--root={tmp_path}", SYSTEMD / "tstats.sysusers")
    made = (SYSTEMD / "tstats.sysusers").read_text().splitlines()[-1].split()[1]
    assert {*values(UNITS[0], "User"), *values(UNITS[1], "User")} == {made}
