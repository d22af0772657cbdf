"""The command `tstats api` as an operator uses it: processes, signals and errors."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.commands import command, run
from tests.support.program import Program
from tstats.influx.client import Influx


@contextmanager
def serving(
    cfg: Path, *options: str, certificate: Path | None = None
) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Start an API; yield its URL and its process once it answers. With a certificate it uses https."""
    command_line = [command("tstats"), "api", "--cfg", cfg, "--bind", "127.0.0.1:0", *options]
    with Program(command_line, log=cfg.parent / "api.log") as program:
        url = program.wait_for_text(r"event=listening url=(\S+)", seconds=60)[1]

        def answers() -> bool:
            try:
                return get(f"{url}/api/5.0/ping", certificate).status_code == 200
            except requests.ConnectionError:
                return False

        program.wait_until(answers, "the API to answer", seconds=60)
        yield url, program.process


def get(url: str, certificate: Path | None = None) -> requests.Response:
    return requests.get(url, timeout=30, verify=str(certificate) if certificate else True)


def settings(influx: Influx, folder: Path, **more: str) -> Path:
    """Write a configuration file."""
    file = folder / "api.cfg"
    values = {"apiAuth": "none", "influxUrls": [influx.url], "spoolDirectory": str(folder / "spool"), **more}
    file.write_text(json.dumps(values))
    return file


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1, with its key beside it as key.pem."""
    openssl = shutil.which("openssl")
    assert openssl, "openssl is not installed: apt-get install openssl"
    made = tmp_path / "certificate.pem"
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    files = [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(tmp_path / "key.pem"),
        "-out",
        str(made),
    ]
    subprocess.run([openssl, *options.split(), *files], check=True, capture_output=True)
    return made


def test_it_serves_https_until_it_is_stopped(influx: Influx, tmp_path: Path, certificate: Path) -> None:
    key = tmp_path / "key.pem"
    cfg = settings(influx, tmp_path, apiTlsCert=str(certificate), apiTlsKey=str(key))
    with serving(cfg, certificate=certificate) as (url, process):
        response = get(f"{url}/healthz", certificate)
        assert response.json() == {"healthy": True, "problems": []}
        assert "Server" not in response.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_several_workers_share_the_port_and_the_metrics(influx: Influx, tmp_path: Path) -> None:
    with serving(settings(influx, tmp_path), "--workers", "2") as (url, process):
        for _ in range(20):
            get(f"{url}/api/5.0/nothing")
        assert 'tstats_api_requests_total{route="none",status="404"} 20.0' in get(f"{url}/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("bind", "more", "message"),
    [
        ("192.0.2.1:8080", {}, "apiAuth: 'none'"),
        ("127.0.0.1:0", {"apiTlsCert": "/dev/null", "apiTlsKey": "/dev/null"}, "apiTlsCert, apiTlsKey: "),
    ],
)
def test_errors_are_one_line(
    influx: Influx, tmp_path: Path, bind: str, more: dict[str, str], message: str
) -> None:
    ended = run("tstats", "api", "--cfg", str(settings(influx, tmp_path, **more)), "--bind", bind)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
