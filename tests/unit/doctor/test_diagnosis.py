"""The findings of an examination: their verdicts, the screen and the JSON."""

import pytest

from tstats.doctor.diagnosis import Diagnosis, Finding, Verdict, worst
from tstats.doctor.display import as_json, lines


def finding(area: str, check: str, verdict: Verdict, text: str = "seen", remedy: str = "do it") -> Finding:
    return Finding(area=area, check=check, verdict=verdict, text=text, remedy=remedy, details=("more",))


DIAGNOSIS = Diagnosis(
    findings=(
        finding("configuration", "file", Verdict.OK, remedy=""),
        finding("Traffic Ops", "login", Verdict.WRONG, "no such user"),
        finding("Traffic Ops", "inventory", Verdict.NOT_CHECKED, "it needs: login", ""),
        finding("clocks", "apart", Verdict.WARNING, "6 s behind"),
    )
)


@pytest.mark.parametrize("verdict", [Verdict.WRONG, Verdict.WARNING])
def test_what_is_not_well_needs_a_remedy(verdict: Verdict) -> None:
    with pytest.raises(ValueError, match="remedy"):
        finding("spool", "room", verdict, remedy="")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.OK),
        ([Verdict.OK, Verdict.NOT_CHECKED], Verdict.NOT_CHECKED),
        ([Verdict.NOT_CHECKED, Verdict.WARNING], Verdict.WARNING),
        ([Verdict.WARNING, Verdict.WRONG, Verdict.OK], Verdict.WRONG),
    ],
)
def test_the_worst_verdict_stands_for_all(verdicts: list[Verdict], expected: Verdict) -> None:
    assert worst(verdicts) is expected


def test_only_what_is_wrong_makes_a_diagnosis_bad() -> None:
    assert not DIAGNOSIS.ok
    assert Diagnosis(findings=DIAGNOSIS.findings[2:]).ok
    assert Diagnosis().ok


def test_the_screen_groups_by_area_and_has_the_remedy_below() -> None:
    assert list(lines(DIAGNOSIS, width=100)) == [
        "configuration",
        "  ok       file       seen",
        "Traffic Ops",
        "  WRONG    login      no such user",
        "                      → do it",
        "  -        inventory  not checked: it needs: login",
        "clocks",
        "  warning  apart      6 s behind",
        "                      → do it",
        "",
        "1 ok, 1 warning, 1 wrong, 1 not checked",
    ]


def test_details_are_shown_when_asked_for() -> None:
    shown = list(lines(Diagnosis(findings=DIAGNOSIS.findings[:1]), width=100, details=True))
    assert shown[1:3] == ["  ok       file  seen", "                   more"]


def test_a_narrow_screen_wraps_and_cuts_no_word() -> None:
    long = Diagnosis(findings=(finding("clocks", "apart", Verdict.OK, "word " * 40, ""),))
    shown = list(lines(long, width=70))
    assert all(len(line) <= 70 for line in shown)
    assert sum(line.count("word") for line in shown) == 40


def test_text_from_a_server_cannot_control_the_terminal() -> None:
    evil = Diagnosis(findings=(finding("monitors", "cdn1", Verdict.OK, "a\x1b[2Jb\nc", ""),))
    assert list(lines(evil, width=100))[1].endswith("a [2Jb c")


def test_the_json_has_everything() -> None:
    shown = as_json(DIAGNOSIS)
    assert shown["ok"] is False
    assert shown["counts"] == {"ok": 1, "warning": 1, "wrong": 1, "notChecked": 1}
    assert shown["checks"][1] == {
        "area": "Traffic Ops",
        "check": "login",
        "verdict": "wrong",
        "text": "no such user",
        "remedy": "do it",
        "details": ["more"],
    }
    assert shown["checks"][2]["verdict"] == "notChecked"
    assert shown["checks"][2]["remedy"] is None
