"""What commands print: tables and JSON on stdout, progress and retries on stderr."""

import json
import re
import sys

import pytest

from tstats.command.output import RetryLines, now_and_then, print_json, print_table, say
from tstats.errors import UnreachableError

COLUMNS = ("name", "points")
ROWS = [("a_name_that_is_longer_than_a_narrow_terminal_[red]_is_wide" * 2, "1"), ("two\n  words", "1,000")]


def test_elsewhere_a_row_is_one_line_in_which_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS, title="not shown", numeric=["points"])
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "points"]
    assert first.split() == [ROWS[0][0], "1"]
    assert second.split() == ["two", "words", "1,000"]
    assert heading.index("points") == first.index(" 1") + 1 == second.index("1,000")


def test_the_heading_can_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, ROWS, plain_heading=False)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_table_without_rows_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(COLUMNS, [])
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_a_table_that_folds_long_cells(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(COLUMNS, ROWS, title="[bold]influx", numeric=["points"])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= 60
    assert "[bold]influx" in shown
    assert "…" not in shown
    assert ROWS[0][0] in "".join(shown.replace(" 1 ", "").split())


def test_json_is_indented_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for indent, lines in ((2, 3), (None, 1)):
        print_json({"a": 1}, indent=indent)
        out = capsys.readouterr().out
        assert json.loads(out) == {"a": 1}
        assert len(out.splitlines()) == lines


def test_what_is_said_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("two\n lines")
    assert capsys.readouterr() == ("", "two lines\n")


def test_a_retry_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    RetryLines(retries=2)("ping", attempt=1, error=UnreachableError("http://x is busy"), wait=0.512)
    assert capsys.readouterr() == ("", "retry 1 of 2 in 0.5 s: http://x is busy\n")


def test_progress_is_said_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    tell = now_and_then(2.0)
    for seconds in (1.0, 1.0, 1.5, 0.5, 3.0):
        now += seconds
        tell(f"at {now}")
    assert capsys.readouterr().err.splitlines() == ["at 102.0", "at 104.0", "at 107.0"]
