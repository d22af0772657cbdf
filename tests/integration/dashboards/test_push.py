"""`tstats dashboards push` brings Grafana to what is wanted, once, and says what it did."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.stand_in import Reply
from tests.support.stand_in_grafana import TOKEN, StandInGrafana, reply
from tstats.command import exits
from tstats.dashboards.boards.all_boards import texts
from tstats.dashboards.command import app

Run = Callable[..., int]
ALL_CREATED = ["created   folder tstats", *(f"created   dashboard {uid}" for uid in texts())]
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
    """Runs `push` to the stand-in, with the token in the environment; gives the exit status."""
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
    """What was printed since it was last asked."""
    return lambda: [*capsys.readouterr().out.splitlines()]


def test_it_creates_the_folder_and_every_dashboard_in_it(
    run: Run, grafana: StandInGrafana, lines: Callable[[], list[str]]
) -> None:
    assert run() == 0
    assert lines() == ALL_CREATED
    assert grafana.folders["tstats"]["title"] == "Traffic Control"
    assert set(grafana.dashboards) == set(texts())
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


def test_what_somebody_changed_is_brought_back(
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


def test_a_folder_can_be_chosen(run: Run, grafana: StandInGrafana) -> None:
    assert run("--folder", "cdn team") == 0
    assert set(grafana.dashboard_folders.values()) == {"cdn team"}


def test_data_sources_are_made_where_they_are_missing(
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


def test_an_outage_is_waited_for(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.fail = [reply(503, {"message": "starting"}), reply(502, {})]
    assert run() == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ALL_CREATED
    assert err.count("retry ") == 2
    assert TOKEN not in err


def test_an_outage_that_lasts_is_an_error(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.fail = [reply(503, {"message": "starting"})] * 3
    assert run("--retries", "2") == 1
    assert "answered 503" in capsys.readouterr().err.splitlines()[-1]


def test_a_folder_that_appears_meanwhile_is_taken(run: Run, grafana: StandInGrafana) -> None:
    """The answer to a first POST can be lost; so can a race with another push."""
    grafana.folders["tstats"] = {"uid": "tstats", "title": "Traffic Control"}
    grafana.fail = [reply(404, {"message": "folder not found"})]
    assert run() == 0
    assert grafana.written[0] == "/api/folders"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_is_an_error_that_tells_the_remedy(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    grafana.fail = [reply(status, {"message": "no"})]
    assert run() == 1
    err = capsys.readouterr().err
    assert f"answered {status}" in err
    assert "check the token and the role" in err
    assert TOKEN not in err
    assert len(grafana.requests) == 1


def test_what_grafana_refuses_is_told_in_its_words(
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
    """A POST would come back as a GET, and seem done."""
    grafana.fail = [Reply(status=302, headers={"Location": "https://grafana.example/login"})]
    assert run() == 1
    assert "https://grafana.example/login; give the URL of Grafana as it is served" in capsys.readouterr().err


def test_the_page_of_another_server_is_no_grafana(
    run: Run, grafana: StandInGrafana, capsys: pytest.CaptureFixture[str]
) -> None:
    grafana.fail = [Reply(status=200, body=b"<html>")]
    assert run() == 1
    assert "answered no JSON object" in capsys.readouterr().err


def test_the_token_can_be_in_a_file(
    run: Run, grafana: StandInGrafana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSTATS_GRAFANA_TOKEN", "another")
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert run("--token-file", str(file)) == 0
    assert len(grafana.dashboards) == len(texts())


def test_a_netrc_does_not_go_before_the_token(
    run: Run, grafana: StandInGrafana, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert run() == 0
    assert len(grafana.dashboards) == len(texts())


def test_without_a_token_nothing_is_asked(
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
