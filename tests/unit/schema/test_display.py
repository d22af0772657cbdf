"""The report on a schema: a table on a terminal, whole lines elsewhere, and nothing cut in either."""

import sys

import pytest

from tstats.schema import display
from tstats.schema.plan import Change, Unmanaged
from tstats.schema.provision import REFUSED_LOSS, ChangeResult, InstanceReport

NAME = "a_long_name_that_no_terminal_of_eighty_columns_can_show_in_one_line_[red]_of_the_table"
SHORTENED = Change(
    action="alter",
    kind="retention policy",
    database="db",
    name=NAME,
    statements=("ALTER …",),
    detail="duration INF → 26h",
    loses_data=True,
)
MADE = Change(action="create", kind="database", database="db", name="db", statements=("CREATE …",))


def report(*changes: ChangeResult, in_sync: bool = False, error: str | None = None) -> InstanceReport:
    unmanaged = (Unmanaged(kind="continuous query", database="db", name="mine"),)
    return InstanceReport(
        url="http://influx:8086", in_sync=in_sync, changes=changes, unmanaged=unmanaged, error=error
    )


REFUSED = report(ChangeResult(change=MADE, applied=True), ChangeResult(change=SHORTENED, error=REFUSED_LOSS))


def test_a_file_gets_one_line_per_change_with_nothing_cut(capsys: pytest.CaptureFixture[str]) -> None:
    display.print_changes(REFUSED)
    made, shortened, left = capsys.readouterr().out.splitlines()
    assert made.split() == ["create", "database", "db", "applied"]
    assert f"db.{NAME}" in shortened
    assert shortened.endswith("duration INF → 26h  refused")
    assert left == "left alone, since the catalog does not name it: continuous query db.mine"


def test_a_terminal_gets_a_table_with_nothing_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    display.print_changes(REFUSED)
    shown = capsys.readouterr().out
    assert "result" in shown
    assert "refused" in shown
    assert "…" not in shown
    assert "[red]" in "".join(shown.split())


@pytest.mark.parametrize(
    ("made", "applied", "line"),
    [
        (report(in_sync=True), True, "in sync"),
        (report(in_sync=True), False, "in sync"),
        (report(ChangeResult(change=MADE, applied=True), in_sync=True), True, "in sync, 1 change applied"),
        (report(ChangeResult(change=MADE)), False, "1 change needed"),
        (REFUSED, True, "NOT in sync, 1 of 2 changes applied"),
        (report(error="down"), True, "FAILED"),
        (report(error="down"), False, "FAILED"),
    ],
)
def test_the_last_line_says_the_state(*, made: InstanceReport, applied: bool, line: str) -> None:
    assert display.summary(made, applied=applied) == f"http://influx:8086: {line}"


def test_an_error_names_the_server_the_object_and_the_remedy() -> None:
    (error,) = display.errors(REFUSED)
    assert error.startswith(f"http://influx:8086: alter retention policy db.{NAME}: duration INF → 26h: ")
    assert "--allow-data-loss" in error
    assert display.errors(report(error="down")) == ["down"]
