"""Checks run side by side, each for a bounded time: one that fails, hangs or has a fault hides no other."""

import threading
from collections.abc import Callable, Iterator

import pytest

from tstats.doctor.diagnosis import Finding, Verdict
from tstats.doctor.examine import Check, examine
from tstats.errors import ServerError

SECRET = "correct-horse"  # noqa: S105 (the secret of this test)


def check(
    name: str,
    look: Callable[[], Verdict] = lambda: Verdict.OK,
    *needs: Check,
    after: tuple[Check, ...] = (),
    slow: Verdict = Verdict.WRONG,
) -> Check:
    def looked() -> Iterator[Finding]:
        yield made.finding(look(), "seen", "mend it")

    made = Check(area="here", name=name, look=looked, remedy="try it", needs=needs, after=after, slow=slow)
    return made


def verdicts(*checks: Check, seconds: float = 30.0) -> dict[str, Verdict]:
    return {finding.check: finding.verdict for finding in examine(checks, seconds=seconds)}


def refused() -> Verdict:
    raise ServerError("http://there said\n no")


def faulty() -> Verdict:
    raise ZeroDivisionError(SECRET)


def test_an_error_is_a_finding_with_the_remedy_of_the_check() -> None:
    (found,) = examine([check("server", refused)], seconds=30)
    assert (found.verdict, found.text, found.remedy) == (Verdict.WRONG, "http://there said no", "try it")


def test_a_fault_of_ours_hides_no_other_check_and_no_secret_shows() -> None:
    found = {one.check: one for one in examine([check("faulty", faulty), check("fine")], seconds=30)}
    assert found["fine"].verdict is Verdict.OK
    assert found["faulty"].verdict is Verdict.WRONG
    assert "ZeroDivisionError at " in found["faulty"].text
    assert SECRET not in str(found["faulty"])


def test_what_needs_a_failed_check_is_not_checked_and_says_why() -> None:
    failed = check("server", refused)
    login = check("login", lambda: Verdict.OK, failed)
    schema = check("schema", lambda: Verdict.OK, login)
    found = {one.check: one for one in examine([failed, login, schema, check("other")], seconds=30)}
    assert (found["login"].verdict, found["schema"].verdict) == (Verdict.NOT_CHECKED, Verdict.NOT_CHECKED)
    assert found["login"].text.endswith(": server")
    assert found["schema"].text.endswith(": login")
    assert found["other"].verdict is Verdict.OK


def test_a_warning_is_passed() -> None:
    warned = check("warned", lambda: Verdict.WARNING)
    assert verdicts(warned, check("next", lambda: Verdict.OK, warned))["next"] is Verdict.OK


def test_what_comes_after_a_failed_check_is_looked_at_all_the_same() -> None:
    failed = check("server", refused)
    assert verdicts(check("clocks", after=(failed,)), failed)["clocks"] is Verdict.OK


def test_checks_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=30)

    def met() -> Verdict:
        together.wait()
        return Verdict.OK

    checks = [check(f"check {number}", met) for number in range(3)]
    assert set(verdicts(*checks).values()) == {Verdict.OK}


def test_a_check_that_hangs_is_named_and_left_behind() -> None:
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
    by_name = {one.check: one for one in found}
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


def test_checks_that_wait_for_one_that_is_missing_are_a_fault() -> None:
    with pytest.raises(ValueError, match="orphan"):
        examine([check("orphan", lambda: Verdict.OK, check("absent"))], seconds=30)
