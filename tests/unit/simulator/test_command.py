"""The command `tstats simulate`, run as a process."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from tstats.errors import TstatsError
from tstats.simulator.command import app

PROGRAM = "from tstats.simulator.command import app; app()"
SMALL = ("--port", "0", "--cdns", "1", "--caches", "2", "--monitors", "2")


def start(*options: str) -> AbstractContextManager[subprocess.Popen[str]]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *SMALL, *options], stdout=subprocess.PIPE, text=True
    )


def lines_until_ready(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.rstrip("\n")
        if line.startswith("Stop with"):
            return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_json_output_names_the_urls_in_one_line_and_a_signal_ends_with_status_0(
    number: signal.Signals, tmp_path: Path
) -> None:
    cfg = tmp_path / "traffic_stats.cfg"
    with start("--output", "json", "--write-cfg", str(cfg)) as process, requests.Session() as http:
        http.trust_env = False
        try:
            assert process.stdout is not None
            printed = json.loads(process.stdout.readline())
            login = {"u": printed["user"], "p": printed["password"]}
            assert http.post(f"{printed['trafficOps']}/api/5.0/user/login", json=login, timeout=5).ok
            assert len(printed["monitors"]["cdn1"]) == 2
            assert http.get(f"{printed['monitors']['cdn1'][1]}/publish/DsStats", timeout=5).ok
            process.send_signal(number)
            assert process.wait(10) == 0
        finally:
            process.kill()

    assert json.loads(cfg.read_text()) == {
        "toUrl": printed["trafficOps"],
        "toUser": "admin",
        "toPasswd": "twelve12",
        "influxUrls": ["http://localhost:8086"],
        "statusToMon": "ONLINE",
        "cacheRetentionPolicy": "daily",
        "dsRetentionPolicy": "daily",
        "dailySummaryRetentionPolicy": "indefinite",
    }


def test_text_output_names_the_urls_and_the_user() -> None:
    with start() as process:
        try:
            text = "\n".join(lines_until_ready(process))
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()

    assert re.search(r"Traffic Ops +http://127\.0\.0\.1:\d+ +user admin, password twelve12", text)
    assert len(re.findall(r"Monitor +http://127\.0\.0\.1:\d+ +of cdn1", text)) == 2


def test_an_existing_file_is_not_overwritten_without_force(tmp_path: Path) -> None:
    cfg = tmp_path / "traffic_stats.cfg"
    cfg.write_text("mine")
    result = CliRunner().invoke(app, [*SMALL, "--write-cfg", str(cfg)])

    assert result.exit_code == 1
    assert isinstance(result.exception, TstatsError)
    assert "--force" in str(result.exception)
    assert cfg.read_text() == "mine"


def test_force_overwrites(tmp_path: Path) -> None:
    cfg = tmp_path / "traffic_stats.cfg"
    cfg.write_text("mine")
    with start("--write-cfg", str(cfg), "--force") as process:
        try:
            assert list(lines_until_ready(process))
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()

    assert json.loads(cfg.read_text())["toUser"] == "admin"


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*SMALL, "--write-cfg", str(tmp_path / "none" / "cfg")])

    assert result.exit_code == 1
    assert "cannot be written" in str(result.exception)


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        result = CliRunner().invoke(app, ["--port", port])

    assert result.exit_code == 1
    assert isinstance(result.exception, TstatsError)
    assert f"port {port} " in str(result.exception)


@pytest.mark.parametrize(
    "option", ["--cdns", "--caches", "--delivery-services", "--cachegroups", "--monitors"]
)
@pytest.mark.parametrize("count", ["0", "-3", "many"])
def test_a_bad_count_is_a_usage_error(option: str, count: str) -> None:
    assert CliRunner().invoke(app, [option, count]).exit_code == 2


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_bad_port_is_a_usage_error(port: str) -> None:
    assert CliRunner().invoke(app, ["--port", port]).exit_code == 2


def test_the_help_teaches_credentials_example_and_exit_status() -> None:
    text = CliRunner().invoke(app, ["--help"], terminal_width=200).output

    for text_part in ("admin", "twelve12", "Example", "--write-cfg", "Exit status", "8443"):
        assert text_part in text
