"""The connection options of both tools: where a password comes from, and what the options become."""

import getpass
import sys
from pathlib import Path

import pytest
import typer

from tstats.command.options import UsageError
from tstats.command.output import RetryLines
from tstats.core.secret import Secret
from tstats.errors import UnreachableError
from tstats.influx.client import Endpoint
from tstats.influx.command_options import ConnectionOptions, Credentials, each_once

NOBODY = Credentials(password=Secret())
PLAIN = ConnectionOptions(timeout=5.0, retries=2)


@pytest.fixture(autouse=True)
def no_password_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INFLUX_PASSWORD", "SOURCE_INFLUX_PASSWORD", "TARGET_INFLUX_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)


def found(
    *, user: str = "me", password: str | None = None, file: Path | None = None, prefix: str = ""
) -> str:
    return Credentials.find(user=user, password=password, file=file, prefix=prefix).password.reveal()


def test_the_option_takes_precedence_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_PASSWORD", "from the environment")
    assert found(password="given") == "given"  # noqa: S106 (the secret of this test)
    assert found() == "from the environment"


def test_the_password_is_the_first_line_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_PASSWORD", "from the environment")
    file = tmp_path / "password"
    file.write_text("pass word \nsecond line\n", encoding="utf-8")
    assert found(file=file) == "pass word "


@pytest.mark.parametrize("content", [b"", b"\n", b"\nx", b"\xff\xfe"])
def test_a_file_without_a_password_is_wrong_usage(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(typer.BadParameter) as caught:
        found(file=file, prefix="source")
    assert caught.value.param_hint == "--source-password-file"


def test_each_server_of_a_tool_has_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_INFLUX_PASSWORD", "s")
    monkeypatch.setenv("TARGET_INFLUX_PASSWORD", "t")
    assert (found(prefix="source"), found(prefix="target"), found()) == ("s", "t", "")


def test_only_a_terminal_with_a_user_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(prompt: str, stream: object) -> str:
        asked.append(prompt)
        assert stream is sys.stderr
        return "typed"

    monkeypatch.setattr(getpass, "getpass", ask)
    assert found() == ""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert found(user="") == ""
    assert found(user="admin") == "typed"
    assert asked == ["password of admin: "]


def test_an_endpoint_has_all_options() -> None:
    connection = ConnectionOptions(timeout=7.5, retries=0, ca_cert=Path("ca.pem"))
    credentials = Credentials(user="me", password=Secret("x"))
    assert connection.endpoint("http://influx:8086/", credentials) == Endpoint(
        url="http://influx:8086", user="me", password=Secret("x"), timeout=7.5, ca_cert="ca.pem"
    )


def test_a_user_in_the_url_takes_precedence() -> None:
    credentials = Credentials(user="me", password=Secret("x"))
    endpoint = PLAIN.endpoint("http://you:y@influx:8086", credentials)
    assert (endpoint.url, endpoint.user, endpoint.password.reveal()) == ("http://influx:8086", "you", "y")


def test_an_invalid_url_is_refused_with_the_name_of_its_option() -> None:
    with pytest.raises(typer.BadParameter, match="invalid URL of an InfluxDB") as caught:
        PLAIN.endpoint("influx", NOBODY, option="--source-url")
    assert caught.value.param_hint == "--source-url"


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf"), 86401.0])
def test_a_timeout_is_a_number_of_seconds_up_to_a_day(timeout: float) -> None:
    with pytest.raises(typer.BadParameter, match="86400 seconds"):
        ConnectionOptions(timeout=timeout, retries=0)


def test_ca_cert_and_insecure_are_mutually_exclusive() -> None:
    with pytest.raises(UsageError, match="--ca-cert and --insecure are mutually exclusive"):
        ConnectionOptions(timeout=1.0, retries=0, ca_cert=Path("ca.pem"), insecure=True)


def test_the_first_endpoint_of_each_url_stays() -> None:
    urls = ["http://b:1", "http://a:1", "http://b:1/"]
    endpoints = each_once(PLAIN.endpoint(url, NOBODY) for url in urls)
    assert [endpoint.url for endpoint in endpoints] == ["http://b:1", "http://a:1"]


def test_a_client_retries_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    influx = PLAIN.open(PLAIN.endpoint("http://influx:8086", NOBODY))
    assert influx.retry.retries == 2
    assert influx.retry.on_retry == RetryLines(retries=2)
    influx.close()
    error = UnreachableError("http://influx:8086/ping failed:\n busy")
    influx.retry.on_retry("ping", attempt=1, error=error, wait=0.512)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "retry 1 of 2 in 0.5 s: http://influx:8086/ping failed: busy\n")
