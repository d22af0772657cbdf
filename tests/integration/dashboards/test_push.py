"""`tstats dashboards push` makes Grafana what it should be, once, and says what it did."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.stand_in import Reply
from tests.support.stand_in_grafana import TOKEN, StandInGrafana, reply
from tstats.command import exits
from tstats.dashboards.command import app
from tstats.dashboards.json_models import json_models

Run = Callable[..., int]
ALL_CREATED = ["created   folder tstats", *(f"created   dashboard {uid}" for uid in json_models())]
ALL_UNCHANGED = [line.replace("created  ", "unchanged") for line in ALL_CREATED]


@pytest.fixture(scope="module")
def server() -> Iterator[StandInGrafana]:
    with StandInGrafana() as stand_in:
        yield stand_in


@pytest.fixture
def grafana(server: StandInGrafana) -> StandInGrafana:
    server.clear()
    return server


@pytest.fixture
def run(grafana: StandInGrafana, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `push` against the stand-in, with the token in the environment, and return its exit status."""
    monkeypatch.setenv("TSTATS_GRAFANA_TOKEN", TOKEN)
    monkeypatch.setattr("tstats.dashboards.command._FIRST_WAIT", 0.001)

    def command(*arguments: str) -> int:
        with pytest.raises(SystemExit) as caught:
            exits.run(app, ["push", "--grafana-url", f"{grafana.url}/", *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code

    return command


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """Return what was printed since the last call."""
    return lambda: [*capsys.readouterr().out.splitlines()]


def test_it_creates_the_folder_and_every_dashboard_in_it(
    run: Run, grafana: StandInGrafana, lines: Callable[[], list[str]]
) -> None:
    assert run() == 0
    assert lines() == ALL_CREATED
    assert grafana.folders["tstats"]["title"] == "Traffic Control"
    assert set(grafana.dashboards) == set(json_models())
    assert set(grafana.dashboard_folders.values()) == {"tstats"}
    assert grafana.data_sources == {}


def test_a_second_run_changes_nothing(
    run: Run, grafana: StandInGrafana, lines: Callable[[], list[str]]
) -> None:
    run()
    lines()
    grafana.requests.clear()
    assert run() == 0
    assert lines() == ALL_UNCHANGED
    assert grafana.written == []


def test_changes_by_hand_are_replaced(
    run: Run, grafana: StandInGrafana, lines: Callable[[], list[str]]
) -> None:
    run()
    lines()
    grafana.dashboards["tstats-cdn"]["panels"][0]["title"] = "Mine"
    grafana.dashboards["tstats-server"]["panels"].append({"id": 99, "type": "text"})
    grafana.dashboard_folders["tstats-daily"] = "elsewhere"
    grafana.requests.clear()
    assert run() == 0
    assert {line for line in lines() if not line.startswith("unchanged")} == {
        "updated   dashboard tstats-cdn",
        "updated   dashboard tstats-server",
        "updated   dashboard tstats-daily",
    }
    assert grafana.written == ["/api/dashboards/db"] * 3
    assert grafana.dashboards["tstats-cdn"]["version"] == 2
    assert grafana.dashboards["tstats-cdn"]["panels"][0]["title"] == "Bandwidth now"
    assert grafana.dashboard_folders["tstats-daily"] == "tstats"


def test_the_folder_is_an_option(run: Run, grafana: StandInGrafana) -> None:
    assert run("--folder", "cdn team") == 0
    assert set(grafana.dashboard_folders.values()) == {"cdn team"}


def test_missing_data_sources_are_created(
    run: Run,
    grafana: StandInGrafana,
    lines: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TSTATS_INFLUX_PASSWORD", "twelve12")
    grafana.data_sources["tstats-prometheus"] = {"uid": "tstats-prometheus", "url": "http://mine"}
    assert run("--influx-url", "http://influx.example:8086", "--influx-user", "grafana") == 0
    printed = lines()
    assert printed[:4] == [
        "created   data source tstats-cache-stats",
        "created   data source tstats-daily-stats",
        "created   data source tstats-deliveryservice-stats",
        "unchanged data source tstats-prometheus",
    ]
    made = grafana.data_sources["tstats-cache-stats"]
    assert (made["url"], made["user"], made["secureJsonData"]) == (
        "http://influx.example:8086",
        "grafana",
        {"password": "twelve12"},
    )
    assert grafana.data_sources["tstats-prometheus"]["url"] == "http://mine"
    assert not any("twelve12" in line for line in printed)


def test_an_outage_is_retried(run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]) -> None:
    grafana.fail = [reply(503, {"message": "starting"}), reply(502, {})]
    assert run() == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ALL_CREATED
    assert err.count("retry ") == 2
    assert TOKEN not in err


def test_a_lasting_outage_is_an_error(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.fail = [reply(503, {"message": "starting"})] * 3
    assert run("--retries", "2") == 1
    assert "answered 503" in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_created_meanwhile_is_used(run: Run, grafana: StandInGrafana) -> None:
    """The response to an earlier POST may have been lost, or another push was faster."""
    grafana.folders["tstats"] = {"uid": "tstats", "title": "Traffic Control"}
    grafana.fail = [reply(404, {"message": "folder not found"})]
    assert run() == 0
    assert grafana.written[0] == "/api/folders"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_without_permission_is_an_error_with_a_remedy(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    grafana.fail = [reply(status, {"message": "no"})]
    assert run() == 1
    err = capsys.readouterr().err
    assert f"answered {status}" in err
    assert "check the token and the role" in err
    assert TOKEN not in err
    assert len(grafana.requests) == 1


def test_a_refusal_is_reported_in_the_words_of_grafana(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.provisioned = {"tstats-server"}
    assert run() == 1
    out, err = capsys.readouterr()
    assert "Cannot save provisioned dashboard" in err
    assert out.splitlines() == ALL_CREATED[:4]


def test_a_redirect_is_not_followed(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    """A POST would become a GET and seem to have succeeded."""
    grafana.fail = [Reply(status=302, headers={"Location": "https://grafana.example/login"})]
    assert run() == 1
    assert (
        "redirects to https://grafana.example/login, and redirects are not followed"
        in capsys.readouterr().err
    )


def test_a_web_page_is_not_taken_for_grafana(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.fail = [Reply(status=200, body=b"<html>")]
    assert run() == 1
    assert "returned no JSON object" in capsys.readouterr().err


def test_the_token_can_come_from_a_file(
    run: Run, grafana: StandInGrafana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSTATS_GRAFANA_TOKEN", "another")
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert run("--token-file", str(file)) == 0
    assert len(grafana.dashboards) == len(json_models())


def test_the_token_takes_precedence_over_a_netrc(
    run: Run, grafana: StandInGrafana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert run() == 0
    assert len(grafana.dashboards) == len(json_models())


def test_without_a_token_no_request_is_sent(
    run: Run, grafana: StandInGrafana, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TSTATS_GRAFANA_TOKEN")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert run() == 2
    assert "TSTATS_GRAFANA_TOKEN" in capsys.readouterr().err
    assert grafana.requests == []


def test_an_empty_token_file_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert run("--token-file", str(tmp_path / "token")) == 2


def test_a_user_without_an_influxdb_is_wrong_usage(run: Run, grafana: StandInGrafana) -> None:
    assert run("--influx-user", "grafana") == 2
    assert grafana.requests == []
