"""Every way in which a command can end has its exit status, and at most one line on stderr."""

from collections.abc import Callable

import pytest
import typer

from tstats.command import exits
from tstats.errors import ConfigError, RefusedError, TstatsError


def status(command: Callable[[], object], *arguments: str) -> object:
    """Return the exit status of a command that calls `command`."""
    app = typer.Typer(add_completion=False, rich_markup_mode=None)

    @app.command()
    def run(url: str = "") -> None:
        del url
        command()

    with pytest.raises(SystemExit) as caught:
        exits.run(app, arguments, go_flags=["url"])
    return caught.value.code


def failing(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def test_done_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TstatsError("It failed"), 1),
        (RefusedError("It failed", status=401), 1),
        (ConfigError("It failed"), 2),
        (typer.BadParameter("It failed"), 2),
    ],
    ids=repr,
)
def test_an_error_is_one_line(error: Exception, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(failing(error)) == expected
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: " in err
    assert "It failed" in err
    assert err.count("\n") == 1


def test_an_error_of_several_lines_is_printed_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    status(failing(TstatsError("the server said:\n  <html>\n")))
    assert capsys.readouterr().err.endswith("error: the server said: <html>\n")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_chooses_its_status(code: int) -> None:
    assert status(failing(typer.Exit(code))) == code


def test_ctrl_c_is_130_and_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(failing(KeyboardInterrupt())) == 130
    assert capsys.readouterr() == ("", "")


def test_a_bug_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        status(failing(ZeroDivisionError()))


@pytest.mark.parametrize("arguments", [["-url", "x"], ["-url=x"], ["--url", "x"], ["--url=x"]])
def test_a_flag_of_the_go_tool_may_have_one_dash(arguments: list[str]) -> None:
    assert status(lambda: None, *arguments) == 0


def test_another_flag_may_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(lambda: None, "-uri=x") == 2
    assert "--help)" in capsys.readouterr().err
