"""Run checks side by side, each with a time limit, so that one that fails or hangs hides no other."""

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tstats.doctor.diagnosis import Finding, Verdict, worst
from tstats.errors import TstatsError


class NotCheckedError(TstatsError):
    """Something cannot be seen, which is not a fault; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check(ABC):
    """One thing to look at.

    Attributes:
        area, name: what findings call it.
        remedy: what to do when it cannot be looked at; also that of findings without one of their own.
        needs: checks that must pass first; if one does not, this one is not run.
        after: checks that must finish first, whatever they find.
        slow: the verdict when `look` takes too long; WARNING where a large server may just need longer.
    """

    area: str
    name: str
    remedy: str
    needs: Sequence["Check"] = ()
    after: Sequence["Check"] = ()
    slow: Verdict = Verdict.WRONG

    @abstractmethod
    def look(self) -> Iterable[Finding]:
        """Return or yield what there is to see.

        Raises:
            NotCheckedError: it cannot be seen, which is not a fault.
            TstatsError: it cannot be looked at, which is something wrong.
        """

    def finding(self, verdict: Verdict, text: str, remedy: str = "", details: Iterable[str] = ()) -> Finding:
        """Return a finding of this check; a warning, or something wrong, always has a remedy."""
        if verdict in (Verdict.WARNING, Verdict.WRONG):
            remedy = remedy or self.remedy
        return Finding(
            area=self.area, check=self.name, verdict=verdict, text=text, remedy=remedy, details=tuple(details)
        )

    def ok(self, text: str, details: Iterable[str] = ()) -> Finding:
        """Return a finding that all is well."""
        return self.finding(Verdict.OK, text, details=details)

    def warning(self, text: str, remedy: str = "", details: Iterable[str] = ()) -> Finding:
        """Return a warning, with the remedy of the check unless another is given."""
        return self.finding(Verdict.WARNING, text, remedy, details)

    def wrong(self, text: str, remedy: str = "", details: Iterable[str] = ()) -> Finding:
        """Return a finding of something wrong, with the remedy of the check unless another is given."""
        return self.finding(Verdict.WRONG, text, remedy, details)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpossibleCheck(Check):
    """A check of something that cannot be looked at; `error` says why."""

    error: TstatsError

    def look(self) -> Iterable[Finding]:
        """Raise the error."""
        raise self.error


@dataclass(slots=True, kw_only=True)
class _CheckRun:
    seconds: float
    results: "queue.SimpleQueue[tuple[Check, list[Finding]]]" = field(default_factory=queue.SimpleQueue)
    findings: dict[Check, list[Finding]] = field(default_factory=dict)
    deadlines: dict[Check, float] = field(default_factory=dict)

    def start(self, check: Check) -> None:
        """Run the check in its own thread, which is abandoned if it hangs, as a name lookup can."""
        self.deadlines[check] = time.monotonic() + self.seconds
        threading.Thread(target=self._run, args=(check,), name=f"check {check.name}", daemon=True).start()

    def skip(self, check: Check, failed: Check) -> None:
        """Record that a check was not run because one that it needs did not pass."""
        where = f"{failed.area}: " if failed.area != check.area else ""
        reason = f"it needs a check that did not pass: {where}{failed.name}"
        self.findings[check] = [check.finding(Verdict.NOT_CHECKED, reason)]

    def wait(self) -> None:
        """Wait until a running check has finished or run out of time."""
        left = max(0.0, min(self.deadlines.values()) - time.monotonic())
        try:
            check, findings = self.results.get(timeout=left)
        except queue.Empty:
            now = time.monotonic()
            for late in [check for check, deadline in self.deadlines.items() if deadline <= now]:
                text = f"no result within {self.seconds:g} s"
                remedy = f"{late.remedy}; or allow more time with --timeout"
                self._record(late, [late.finding(late.slow, text, remedy)])
        else:
            self._record(check, findings)

    def has_finished(self, checks: Iterable[Check]) -> bool:
        return all(check in self.findings for check in checks)

    def has_passed(self, check: Check) -> bool:
        verdict = worst(finding.verdict for finding in self.findings[check])
        return verdict in (Verdict.OK, Verdict.WARNING)

    def _run(self, check: Check) -> None:
        self.results.put((check, _look(check)))

    def _record(self, check: Check, findings: list[Finding]) -> None:
        if self.deadlines.pop(check, None) is not None:  # ignores a result that came too late
            self.findings[check] = findings


def examine(checks: Sequence[Check], *, seconds: float) -> list[Finding]:
    """Run checks, each as soon as those it waits for have finished, and return all their findings.

    Args:
        checks: every check that one of them needs or comes after must be among them.
        seconds: the time limit of each check.

    Returns:
        The findings in the order of the checks.

    Raises:
        ValueError: checks wait for each other, or for one that is not among them.
    """
    run = _CheckRun(seconds=seconds)
    waiting = list(checks)
    while waiting or run.deadlines:
        ready = [check for check in waiting if run.has_finished((*check.needs, *check.after))]
        waiting = [check for check in waiting if check not in ready]
        for check in ready:
            failed = next((need for need in check.needs if not run.has_passed(need)), None)
            if failed is None:
                run.start(check)
            else:
                run.skip(check, failed)
        if run.deadlines:
            run.wait()
        elif waiting and not ready:
            raise ValueError(f"checks wait in vain: {', '.join(check.name for check in waiting)}")
    return [finding for check in checks for finding in run.findings[check]]


def _look(check: Check) -> list[Finding]:
    try:
        return list(check.look())
    except NotCheckedError as error:
        return [check.finding(Verdict.NOT_CHECKED, _one_line(error))]
    except TstatsError as error:
        return [check.wrong(_one_line(error))]
    except Exception as error:  # noqa: BLE001 (a bug in one check must not hide the others)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "nowhere"
        # Without the error's own text, which may hold a secret.
        text = f"the check itself failed: {type(error).__name__} at {where}"
        return [check.wrong(text, "this is a bug in tstats: report it with this line")]


def _one_line(error: TstatsError) -> str:
    return " ".join(str(error).split())
