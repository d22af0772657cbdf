"""The log: one line per event, each level to its destination, and no way for a monitor to forge a line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tstats.command import logs
from tstats.config.settings import Logs
from tstats.errors import ConfigError

NOWHERE = Logs(error=None, warning=None, info=None, debug=None)
HOSTILE = "a\nb\r\nc\td\x1b[31m\u2028\u0085\x00\x0b\x0c 'q' \"q\" \\ = 🚀"


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    yield
    logs.configure(NOWHERE, "text")


def say_all() -> None:
    log = logs.get("test")
    for level in ("error", "warning", "info", "debug"):
        getattr(log, level)(f"said_{level}", value=1)


def levels(path: Path) -> list[str]:
    return [json.loads(line)["level"] for line in path.read_text().splitlines()]


def test_each_level_goes_to_its_own_file_and_to_no_other(tmp_path: Path) -> None:
    files = {level: str(tmp_path / level) for level in ("error", "warning", "info", "debug")}
    logs.configure(Logs(**files), "json")
    say_all()
    for level, path in files.items():
        assert levels(Path(path)) == [level]


def test_levels_may_share_a_file(tmp_path: Path) -> None:
    logs.configure(
        Logs(error=str(tmp_path / "x"), warning=None, info=str(tmp_path / "x"), debug=None), "json"
    )
    say_all()
    assert levels(tmp_path / "x") == ["error", "info"]


def test_streams_are_named_and_null_is_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logs(error="stderr", warning="stdout", info=None, debug=None), "json")
    say_all()
    out, err = capsys.readouterr()
    assert [json.loads(line)["level"] for line in out.splitlines()] == ["warning"]
    assert [json.loads(line)["level"] for line in err.splitlines()] == ["error"]


@pytest.mark.parametrize("nowhere", ["null", ""])
def test_gos_words_for_nowhere_are_not_file_names(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nowhere: str
) -> None:
    monkeypatch.chdir(tmp_path)
    logs.configure(Logs(error="stderr", warning=nowhere, info=nowhere, debug=nowhere, event=nowhere), "json")
    say_all()
    out, err = capsys.readouterr()
    assert (out, [json.loads(line)["level"] for line in err.splitlines()]) == ("", ["error"])
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_ends_in_such_a_word_is_a_file(tmp_path: Path) -> None:
    logs.configure(Logs(error=str(tmp_path / "null"), info=None), "json")
    say_all()
    assert levels(tmp_path / "null") == ["error"]


def test_all_null_is_silence(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(NOWHERE, "text")
    say_all()
    assert capsys.readouterr() == ("", "")


def test_by_default_everything_but_debug_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logs(), "text")
    say_all()
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[1] for line in err.splitlines()] == ["level=error", "level=warning", "level=info"]


def test_a_text_line_begins_with_time_level_and_event(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logs(), "text")
    logs.get("test").info("collected", cdn="cdn1", points=5, monitor="http://a b", none=None)
    (line,) = capsys.readouterr().err.splitlines()
    time, rest = line.split(" ", 1)
    assert time.startswith("time=2")
    assert time.endswith("Z")
    assert rest == 'level=info event=collected cdn=cdn1 points=5 monitor="http://a b" none='


@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE], {HOSTILE: HOSTILE}], ids=["text", "list", "dict"])
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_event_is_one_printable_line_whatever_its_values_hold(
    capsys: pytest.CaptureFixture[str], log_format: str, value: object
) -> None:
    logs.configure(Logs(), log_format)
    logs.get("test").error("failed", error=value)
    text = capsys.readouterr().err
    assert text.endswith("\n")
    assert len(text[:-1].splitlines()) == 1
    assert text[:-1].isprintable()


def test_json_keeps_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logs(), "json")
    logs.get("test").error("failed", error=HOSTILE, counts={"value": 2}, examples=[HOSTILE])
    event = json.loads(capsys.readouterr().err)
    assert (event["event"], event["level"], event["counts"]) == ("failed", "error", {"value": 2})
    assert event["error"] == event["examples"][0] == HOSTILE


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_cannot_be_encoded_is_logged_all_the_same(tmp_path: Path, log_format: str) -> None:
    logs.configure(Logs(error=str(tmp_path / "log")), log_format)
    logs.get("test").error("failed", error="half \ud800 pair", names=["\udcff"])
    assert r"half \ud800 pair" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_part_of_its_line(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    logs.configure(Logs(), log_format)
    try:
        int("no number")
    except ValueError:
        logs.get("test").exception("crashed", cdn="cdn1")
    (line,) = capsys.readouterr().err.splitlines()
    assert "crashed" in line
    assert "Traceback" in line
    assert "ValueError: invalid literal" in line


def test_a_percent_sign_is_not_a_format(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Logs(), "text")
    logs.get("test").info("100%s", value="%d")
    assert "event=100%s value=%d" in capsys.readouterr().err


def test_a_file_that_was_moved_away_is_reopened(tmp_path: Path) -> None:
    log = tmp_path / "log"
    logs.configure(Logs(error=str(log)), "text")
    logs.get("test").error("first")
    log.rename(tmp_path / "log.1")
    logs.get("test").error("second")
    assert "second" in log.read_text()
    assert "second" not in (tmp_path / "log.1").read_text()


def test_a_log_file_that_cannot_be_opened_is_an_error_and_the_log_stays_as_it_was(tmp_path: Path) -> None:
    kept = tmp_path / "log"
    logs.configure(Logs(error=str(kept)), "text")
    with pytest.raises(ConfigError, match=r"logs: .*none/log cannot be opened: No such file or directory"):
        logs.configure(Logs(error=str(kept), info=str(tmp_path / "none" / "log")), "text")
    logs.get("test").error("still_here")
    assert "still_here" in kept.read_text()


def test_a_new_configuration_replaces_the_old_one(tmp_path: Path) -> None:
    for name in ("1", "2"):
        logs.configure(Logs(error=str(tmp_path / name), info=None), "text")
        logs.get("test").error(f"to_{name}")
    assert "to_2" not in (tmp_path / "1").read_text()
    assert "to_2" in (tmp_path / "2").read_text()
