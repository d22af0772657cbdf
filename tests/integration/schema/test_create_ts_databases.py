"""The command `create_ts_databases` as a user runs it, against real and misbehaving servers."""

import json
import os
import pty
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import commands
from tests.support.influxd import Influxd
from tests.support.ports import NOBODY
from tests.support.stand_in import Reply, Request, StandIn, passed_on
from tstats.core.secret import Secret
from tstats.influx.client import Endpoint, Influx

PASSWORD = "corréct-horse-пароль"  # noqa: S105 (the secret of these tests)


def create(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return commands.run("create_ts_databases", *arguments, environment=environment)


def create_json(*arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Return the exit status and the instances of the JSON, which is all there is on stdout."""
    result = create(*arguments, "--output", "json")
    document = json.loads(result.stdout)
    assert document.keys() == {"instances"}
    return result.returncode, document["instances"]


def test_a_fresh_influxdb_gets_everything_and_a_second_run_does_nothing(influx: Influx) -> None:
    first = create("--url", influx.url)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    lines = first.stdout.splitlines()
    assert len(lines) == 29
    assert lines[-1] == f"{influx.url}: in sync, 28 changes applied"
    second = create("--url", influx.url)
    assert (second.returncode, second.stdout) == (0, f"{influx.url}: in sync\n")


def test_the_flags_of_the_go_tool_work(influx: Influx) -> None:
    result = create("-url", influx.url, "-user", "me", "-password=x", "-replication=2")
    assert result.returncode == 0, result.stderr
    (series,) = influx.query("SHOW RETENTION POLICIES ON daily_stats")
    assert {row["name"]: row["replicaN"] for row in series.rows()} == {"autogen": 1, "indefinite": 2}


def test_the_replication_is_3_as_with_the_go_tool(influx: Influx) -> None:
    create("--url", influx.url)
    (series,) = influx.query("SHOW RETENTION POLICIES ON daily_stats")
    assert {row["name"]: row["replicaN"] for row in series.rows()} == {"autogen": 1, "indefinite": 3}


def test_the_json_has_the_promised_shape(influx: Influx) -> None:
    influx.query("CREATE DATABASE grafana")
    status, (instance,) = create_json("--url", influx.url)
    assert status == 0
    assert instance["changes"][0] == {
        "action": "create",
        "kind": "database",
        "database": "cache_stats",
        "name": "cache_stats",
        "statement": "CREATE DATABASE cache_stats",
        "applied": True,
        "error": None,
    }
    assert len(instance.pop("changes")) == 28
    assert instance == {
        "url": influx.url,
        "version": influx.version(),
        "in_sync": True,
        "unmanaged": [{"kind": "database", "database": "grafana", "name": "grafana"}],
        "error": None,
    }


@pytest.mark.parametrize(("flag", "status"), [("--check", 3), ("--dry-run", 0)])
def test_check_and_dry_run_show_the_plan_and_change_nothing(influx: Influx, flag: str, status: int) -> None:
    result = create("--url", influx.url, flag)
    assert result.returncode == status
    assert result.stdout.count("planned") == 28
    assert result.stdout.splitlines()[-1] == f"{influx.url}: 28 changes needed"
    assert influx.query("SHOW DATABASES")[0].values == []


def test_check_of_an_influxdb_in_sync_exits_0(influx: Influx) -> None:
    create("--url", influx.url)
    assert create("--url", influx.url, "--check").returncode == 0


def test_shortening_requires_the_flag(influx: Influx) -> None:
    create("--url", influx.url)
    influx.query("ALTER RETENTION POLICY daily ON cache_stats DURATION INF")
    refused = create("--url", influx.url)
    assert refused.returncode == 1
    assert "duration INF → 26h" in refused.stdout
    assert "refused" in refused.stdout
    assert "--allow-data-loss" in refused.stderr
    assert refused.stdout.splitlines()[-1] == f"{influx.url}: NOT in sync, 0 of 1 change applied"
    assert "deletes points" in create("--url", influx.url, "--check").stdout
    assert create("--url", influx.url, "--allow-data-loss").returncode == 0


def test_what_is_unknown_is_listed_and_left_alone(influx: Influx) -> None:
    influx.query("CREATE DATABASE grafana")
    result = create("--url", influx.url)
    assert result.returncode == 0
    assert "left alone, since the catalog does not name it: database grafana" in result.stdout
    assert ["grafana"] in influx.query("SHOW DATABASES")[0].values


def test_a_dead_instance_does_not_prevent_the_others(influx: Influx) -> None:
    result = create("--url", NOBODY, "--url", influx.url, "--retries", "0")
    assert result.returncode == 1
    assert "cannot be reached" in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"{NOBODY}: FAILED"
    assert lines[-2:] == [f"{influx.url}: in sync, 28 changes applied", "1 of 2 instances in sync"]
    assert create("--url", influx.url, "--check").returncode == 0


def test_a_dead_instance_is_an_error_in_the_json_and_not_just_a_difference(influx: Influx) -> None:
    status, (dead, alive) = create_json("--url", NOBODY, "--url", influx.url, "--retries", "0", "--check")
    assert status == 1
    assert dead["error"].startswith(f"{NOBODY}/ping cannot be reached")
    assert (dead["version"], dead["in_sync"], dead["changes"]) == (None, False, [])
    assert (alive["error"], len(alive["changes"])) == (None, 28)


def test_an_instance_given_twice_is_processed_once(influx: Influx) -> None:
    status, instances = create_json("--url", influx.url, "--url", f"{influx.url}/")
    assert status == 0
    assert [instance["url"] for instance in instances] == [influx.url]


def test_each_retry_is_shown_and_bounded() -> None:
    result = create("--url", NOBODY, "--retries", "1")
    assert result.returncode == 1
    retry, error = result.stderr.splitlines()
    assert retry.startswith("retry 1 of 1 in 0.")
    assert error.startswith(f"create_ts_databases: error: {NOBODY}/ping cannot be reached")


def test_an_influxdb_that_is_still_starting_is_waited_for(influx: Influx) -> None:
    failures = iter([503, 503])

    def answer(request: Request) -> Reply:
        status = next(failures, None)
        return passed_on(request, influx.url) if status is None else Reply(status=status, body=b"starting")

    with StandIn(answer) as server:
        result = create("--url", server.url, "--output", "json")
    assert result.returncode == 0, result.stderr
    assert [line[:12] for line in result.stderr.splitlines()] == ["retry 1 of 5", "retry 2 of 5"]
    assert "starting" in result.stderr
    assert json.loads(result.stdout)["instances"][0]["in_sync"]


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"X-Influxdb-Version": "v2.7.1"}, "InfluxDB v2.7.1"),
        ({"X-Influxdb-Version": "3.0.1"}, "InfluxDB 3.0.1"),
        ({}, "not an InfluxDB"),
    ],
)
def test_what_is_not_influxdb_1_is_named_and_left_alone(headers: dict[str, str], found: str) -> None:
    with StandIn(lambda _: Reply(status=204, headers=headers)) as server:
        result = create("--url", server.url)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{server.url} is {found}; tstats works with InfluxDB 1.x" in line
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"results": 5}', b"", b'{"results":[{"series":[{"a":1}]}]}']
)
def test_an_invalid_response_is_an_error_not_a_traceback(body: bytes) -> None:
    def answer(request: Request) -> Reply:
        if request.path.startswith("/ping"):
            return Reply(status=204, headers={"X-Influxdb-Version": "1.8.10"})
        return Reply(status=200, body=body)

    with StandIn(answer) as server:
        result = create("--url", server.url)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("create_ts_databases: error: http://127.0.0.1:")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """An influxd that requires a password; the user is `admin`."""
    settings = {"INFLUXDB_HTTP_AUTH_ENABLED": "true"}
    with Influxd(tmp_path_factory.mktemp("locked"), settings=settings) as server:
        first = Influx(Endpoint(url=server.url))
        first.query(f"CREATE USER admin WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES")
        first.close()
        yield server


def test_the_password_is_taken_from_each_source(locked: Influxd, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with_password = locked.url.replace("//", f"//admin:{PASSWORD}@")
    for arguments, environment in (
        (["--url", locked.url, "--user", "admin", "--password", PASSWORD], {}),
        (["--url", locked.url, "--user", "admin", "--password-file", str(file)], {"INFLUX_PASSWORD": "no"}),
        (["--url", locked.url, "--user", "admin"], {"INFLUX_PASSWORD": PASSWORD}),
        (["--url", with_password, "--user", "other"], {"INFLUX_PASSWORD": "no"}),
    ):
        result = create(*arguments, environment=environment)
        assert result.returncode == 0, result.stderr
        assert PASSWORD not in result.stdout + result.stderr
    admin = Influx(Endpoint(url=locked.url, user="admin", password=Secret(PASSWORD)))
    assert ["cache_stats"] in admin.query("SHOW DATABASES")[0].values
    admin.close()


@pytest.mark.parametrize("password", ["wrong-password", ""])
def test_a_wrong_password_is_refused_at_once_and_not_shown(locked: Influxd, password: str) -> None:
    with StandIn(lambda request: passed_on(request, locked.url)) as server:
        result = create("--url", server.url, "--user", "admin", environment={"INFLUX_PASSWORD": password})
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "401" in line
    assert "wrong-password" not in result.stdout + result.stderr
    queries = [request for request in server.requests if request.path.startswith("/query")]
    assert len(queries) == 1


def test_a_user_without_rights_is_refused_with_the_reason(locked: Influxd) -> None:
    admin = Influx(Endpoint(url=locked.url, user="admin", password=Secret(PASSWORD)))
    admin.query("CREATE USER reader WITH PASSWORD 'r'")
    admin.close()
    result = create("--url", locked.url, "--user", "reader", "--password", "r")
    assert result.returncode == 1
    assert "retry" not in result.stderr


def test_a_terminal_is_asked_for_the_password(locked: Influxd) -> None:
    keyboard, terminal = pty.openpty()
    process = subprocess.Popen(
        [commands.command("create_ts_databases"), "--url", locked.url, "--user", "admin", "--dry-run"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "TERM": "dumb", "PYTHONIOENCODING": "utf-8", "LC_ALL": "C.UTF-8"},
    )
    os.close(terminal)
    shown = b""
    typed = False
    while select.select([keyboard], [], [], 30)[0]:
        try:
            shown += os.read(keyboard, 4096)
        except OSError:  # the other end is closed: the command has ended
            break
        if not typed and b"password of admin: " in shown:
            os.write(keyboard, f"{PASSWORD}\n".encode())
            typed = True
    os.close(keyboard)
    assert process.wait(timeout=30) == 0, shown
    assert PASSWORD.encode() not in shown
    assert locked.url.encode() in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--check", "--dry-run"], "are mutually exclusive"),
        (["--url", "ftp://influx:geheim@host"], "invalid URL of an InfluxDB"),
        (["--url", "http://a..b:8086"], "invalid URL of an InfluxDB"),
        (["--url", "localhost:8086"], "invalid URL of an InfluxDB"),
        (["--url"], "requires an argument"),
        (["--replication", "0"], "--replication"),
        (["--replication", "three"], "--replication"),
        (["--timeout", "0"], "--timeout"),
        (["--timeout", "nan"], "--timeout"),
        (["--timeout", "inf"], "--timeout"),
        (["--retries", "-1"], "--retries"),
        (["--output", "xml"], "--output"),
        (["--ca-cert", "/no/such/file"], "--ca-cert"),
        (["--password-file", "/no/such/file"], "--password-file"),
        (["--password-file", "/dev/null"], "--password-file"),
        (["--password", "geheim", "--password-file", "/etc/hostname"], "--password and --password-file"),
        (["--insecure", "--ca-cert", "/etc/hostname"], "are mutually exclusive"),
        (["--no-such-flag"], "--no-such-flag"),
        (["http://localhost:8086"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_exits_2_with_one_clear_line(arguments: list[str], words: str) -> None:
    result = create(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("create_ts_databases: error: ")
    assert words in line
    assert "geheim" not in line


def test_an_invalid_certificate_file_is_an_error_not_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    result = create("--url", "https://127.0.0.1:1", "--ca-cert", str(file), "--retries", "0")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_help_has_examples_exit_statuses_and_variables() -> None:
    result = create("--help")
    assert result.returncode == 0
    for words in ("Examples:", "Exit status:", "INFLUX_PASSWORD", "--allow-data-loss", "-replication"):
        assert words in result.stdout
    assert create("-help").stdout == result.stdout


def test_a_reader_that_goes_away_gets_no_complaint(influx: Influx) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        result = subprocess.run(
            [commands.command("create_ts_databases"), "--url", influx.url, "--dry-run"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert result.returncode == 1
    assert result.stderr == b""
