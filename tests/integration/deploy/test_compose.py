"""compose.yaml, the Containerfile and their secrets, as far as they can be checked without an engine."""

import json
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from influxdb_tools.create_ts_databases import app as create_app
from tstats.cli import app
from tstats.command.app import subcommands
from tstats.config import loading as config

CHECKOUT = Path(__file__).parents[3]
DEPLOY = CHECKOUT / "deploy"
IMAGES = {"influxdb:1.8", "postgres:17", "grafana/grafana", "tstats:local"}
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "tstats:local")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that make-secrets creates."""
    folder = tmp_path_factory.mktemp("deploy") / "secrets"
    done = subprocess.run(
        [DEPLOY / "make-secrets", folder], check=True, capture_output=True, text=True, timeout=60
    )
    for file in folder.glob("*_password"):
        assert file.read_text() not in done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("name", OURS)
def test_our_containers_start_commands_that_accept_these_options(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    command = typer.main.get_command({"tstats": app, "create_ts_databases": create_app}[program])
    context = command.make_context(program, arguments)
    while below := subcommands(command):
        program, *arguments = [*context._protected_args, *context.args]  # noqa: SLF001 (the parser keeps them so)
        command = below[program]
        context = command.make_context(program, arguments, parent=context)


@pytest.mark.parametrize("name", SERVICES)
def test_everything_that_a_service_refers_to_exists(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] in IMAGES
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert service.get("network_mode", "service:simulator") == "service:simulator"
    for other, wanted in service.get("depends_on", {}).items():
        runs_once = "restart" not in SERVICES[other]
        ends = wanted["condition"] == "service_completed_successfully"
        assert ends == runs_once, f"{name} waits for {other} under the wrong condition"
        assert ends or "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_published_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_few_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("privileged")


def test_the_file_contains_no_password() -> None:
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or (key.endswith("_FILE") and value.startswith("/run/secrets/"))
        assert not any("pass" in word.lower() for word in service.get("command", []))


def test_secrets_are_created_once_only_for_their_owner_and_differ_each_time(
    secrets: Path, tmp_path: Path
) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {file.name for file in secrets.iterdir()} == {
        Path(secret["file"]).name for secret in COMPOSE["secrets"].values()
    }
    again = subprocess.run(
        [DEPLOY / "make-secrets", secrets], capture_output=True, text=True, timeout=60, check=False
    )
    assert again.returncode == 1
    assert "already exists" in again.stderr
    subprocess.run([DEPLOY / "make-secrets", tmp_path / "other"], check=True, capture_output=True, timeout=60)
    for name in ("postgres_password", "grafana_password"):
        assert (secrets / name).read_text() != (tmp_path / "other" / name).read_text()


def test_the_configuration_of_the_containers_is_valid(secrets: Path) -> None:
    settings = config.load(secrets / "traffic_stats.cfg", environment={}, to_collect=True)
    assert settings.spool_directory.startswith(SERVICES["collect"]["volumes"][0].partition(":")[2])
    assert settings.metrics_bind in " ".join(SERVICES["collect"]["healthcheck"]["test"])
    (url,) = settings.influx_urls
    assert url in SERVICES["databases"]["command"]
    assert url in SERVICES["dashboards"]["command"]


def test_the_database_url_has_the_user_and_password_of_the_postgresql_service(secrets: Path) -> None:
    url = json.loads((secrets / "traffic_stats.cfg").read_text())["databaseUrl"]
    environment = SERVICES["postgres"]["environment"]
    password = (secrets / "postgres_password").read_text()
    shown = re.fullmatch(r"postgresql\+psycopg://(\w+):(\w+)@(\w+)/(\w+)", url)
    assert shown
    assert shown.groups() == (
        environment["POSTGRES_USER"],
        password,
        "postgres",
        environment["POSTGRES_DB"],
    )


def copied() -> list[str]:
    """Return what the Containerfile copies from the checkout."""
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()
    own = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    return [name for names in own for name in names]


def test_the_image_gets_everything_that_the_wheel_is_built_from(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for name in copied():
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / name, source)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=60,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"tstats/cli.py", "influxdb_tools/sync_ts_databases.py", "migrations/env.py"} <= set(names)


def test_the_build_context_contains_exactly_what_is_copied() -> None:
    lines = (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied())


def test_the_image_does_not_run_as_root_and_installs_extras_that_exist() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER [1-9]\d*$", text, re.MULTILINE)
    extras = re.search(r"'\.\[([\w,]+)\]'", text)
    assert extras
    project = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras[1].split(","))
