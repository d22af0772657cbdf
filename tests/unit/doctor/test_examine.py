"""Checks run side by side, each with a time limit: one that fails, hangs or has a bug hides no other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tstats.doctor.diagnosis import Finding, Verdict
from tstats.doctor.examine import Check, ImpossibleCheck, NotCheckedError, examine
from tstats.errors import ServerError, TstatsError

SECRET = "correct-horse"  # noqa: S105 (the secret of this test)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StubCheck(Check):
    """A check whose only finding has the verdict that `verdict` returns, unless it raises."""

    area: str = "here"
    remedy: str = "try it"
    verdict: Callable[[], Verdict]

    def look(self) -> Iterator[Finding]:
        yield self.finding(self.verdict(), "seen", "fix it")


def check(
    name: str,
    verdict: Callable[[], Verdict] = lambda: Verdict.OK,
    *needs: Check,
    after: tuple[Check, ...] = (),
    slow: Verdict = Verdict.WRONG,
) -> Check:
    return StubCheck(name=name, verdict=verdict, needs=needs, after=after, slow=slow)


def verdicts(*checks: Check, seconds: float = 30.0) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in examine(checks, seconds=seconds)}


def refused() -> Verdict:
    raise ServerError("http://there said\n no")


def hidden() -> Verdict:
    raise NotCheckedError("administrators only")


def faulty() -> Verdict:
    raise ZeroDivisionError(SECRET)


def test_an_error_is_a_finding_with_the_remedy_of_the_check() -> None:
    (found,) = examine([check("server", refused)], seconds=30)
    assert (found.verdict, found.text, found.remedy) == (Verdict.WRONG, "http://there said no", "try it")


def test_what_cannot_be_seen_is_not_checked_and_has_no_remedy() -> None:
    unseen = check("schema", hidden)
    found = examine([unseen, check("points", lambda: Verdict.OK, unseen)], seconds=30)
    assert [(finding.verdict, finding.text, finding.remedy) for finding in found] == [
        (Verdict.NOT_CHECKED, "administrators only", ""),
        (Verdict.NOT_CHECKED, "it needs a check that did not pass: schema", ""),
    ]


@pytest.mark.parametrize(
    ("error", "verdict", "remedy"),
    [(ServerError("no URL"), Verdict.WRONG, "set it"), (NotCheckedError("no URL"), Verdict.NOT_CHECKED, "")],
)
def test_an_impossible_check_says_why(error: TstatsError, verdict: Verdict, remedy: str) -> None:
    impossible = ImpossibleCheck(area="here", name="server", remedy="set it", error=error)
    (found,) = examine([impossible], seconds=30)
    assert (found.verdict, found.text, found.remedy) == (verdict, "no URL", remedy)


def test_a_finding_that_is_not_well_has_the_remedy_of_the_check_unless_it_has_its_own() -> None:
    stub = check("server")
    assert [stub.wrong("x").remedy, stub.warning("x").remedy, stub.ok("x").remedy] == ["try it", "try it", ""]
    assert [stub.wrong("x", "fix it").remedy, stub.warning("x", "fix it").remedy] == ["fix it", "fix it"]


def test_a_bug_in_one_check_hides_no_other_check_and_shows_no_secret() -> None:
    found = {
        finding.check: finding for finding in examine([check("faulty", faulty), check("fine")], seconds=30)
    }
    assert found["fine"].verdict is Verdict.OK
    assert found["faulty"].verdict is Verdict.WRONG
    assert "ZeroDivisionError at " in found["faulty"].text
    assert SECRET not in str(found["faulty"])


def test_what_needs_a_failed_check_is_not_checked_and_says_why() -> None:
    failed = check("server", refused)
    login = check("login", lambda: Verdict.OK, failed)
    schema = check("schema", lambda: Verdict.OK, login)
    found = {
        finding.check: finding for finding in examine([failed, login, schema, check("other")], seconds=30)
    }
    assert (found["login"].verdict, found["schema"].verdict) == (Verdict.NOT_CHECKED, Verdict.NOT_CHECKED)
    assert found["login"].text.endswith(": server")
    assert found["schema"].text.endswith(": login")
    assert found["other"].verdict is Verdict.OK


def test_a_warning_counts_as_passed() -> None:
    warned = check("warned", lambda: Verdict.WARNING)
    assert verdicts(warned, check("next", lambda: Verdict.OK, warned))["next"] is Verdict.OK


def test_what_only_comes_after_a_failed_check_is_checked_anyway() -> None:
    failed = check("server", refused)
    assert verdicts(check("clocks", after=(failed,)), failed)["clocks"] is Verdict.OK


def test_checks_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=30)

    def met() -> Verdict:
        together.wait()
        return Verdict.OK

    checks = [check(f"check {number}", met) for number in range(3)]
    assert set(verdicts(*checks).values()) == {Verdict.OK}


def test_a_check_that_hangs_is_named_and_abandoned() -> None:
    released = threading.Event()

    def hanging() -> Verdict:
        released.wait(60)
        return Verdict.OK

    stuck = check("stuck", hanging)
    slow = check("slow", hanging, slow=Verdict.WARNING)
    try:
        found = examine([stuck, slow, check("fine"), check("next", lambda: Verdict.OK, stuck)], seconds=0.3)
    finally:
        released.set()
    by_name = {finding.check: finding for finding in found}
    assert by_name["stuck"].verdict is Verdict.WRONG
    assert by_name["stuck"].text == "no result within 0.3 s"
    assert by_name["slow"].verdict is Verdict.WARNING
    assert by_name["fine"].verdict is Verdict.OK
    assert by_name["next"].verdict is Verdict.NOT_CHECKED


def test_findings_come_in_the_order_of_the_checks() -> None:
    first_may_end = threading.Event()

    def waited() -> Verdict:
        first_may_end.wait(30)
        return Verdict.OK

    def freed() -> Verdict:
        first_may_end.set()
        return Verdict.OK

    assert list(verdicts(check("first", waited), check("second", freed))) == ["first", "second"]


def test_waiting_for_a_check_that_is_not_among_them_is_an_error() -> None:
    with pytest.raises(ValueError, match="orphan"):
        examine([check("orphan", lambda: Verdict.OK, check("absent"))], seconds=30)
