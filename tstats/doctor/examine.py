"""Runs checks side by side, each for a bounded time: one that fails or hangs hides no other."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tstats.doctor.diagnosis import Finding, Verdict, worst
from tstats.errors import TstatsError

Sight = tuple[Verdict, str, str]
"""A verdict, what was seen, and the remedy (empty where none is needed)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Check:
    """One thing to look at.

    Attributes:
        area, name: as the findings name them.
        look: gives the findings; a TstatsError that it raises is one, too.
        remedy: for such an error.
        needs: checks that have to be passed; otherwise this one is not made.
        after: checks that only have to have ended.
        slow: what a look that takes too long means: something is wrong, or it only could not be seen in time.
    """

    area: str
    name: str
    look: Callable[[], Iterable[Finding]]
    remedy: str
    needs: Sequence["Check"] = ()
    after: Sequence["Check"] = ()
    slow: Verdict = Verdict.WRONG

    def finding(self, verdict: Verdict, text: str, remedy: str = "", details: Iterable[str] = ()) -> Finding:
        """A finding of this check."""
        return Finding(
            area=self.area, check=self.name, verdict=verdict, text=text, remedy=remedy, details=tuple(details)
        )


@dataclass(slots=True, kw_only=True)
class _Examination:
    seconds: float
    ended: "queue.SimpleQueue[tuple[Check, list[Finding]]]" = field(default_factory=queue.SimpleQueue)
    found: dict[Check, list[Finding]] = field(default_factory=dict)
    deadlines: dict[Check, float] = field(default_factory=dict)

    def start(self, check: Check) -> None:
        """In a thread of its own that is left behind when it hangs: a name that does not resolve may."""
        self.deadlines[check] = time.monotonic() + self.seconds
        threading.Thread(target=self._run, args=(check,), name=f"check {check.name}", daemon=True).start()

    def _run(self, check: Check) -> None:
        self.ended.put((check, _looked(check)))

    def wait(self) -> None:
        """Until one has ended, or its time has."""
        left = max(0.0, min(self.deadlines.values()) - time.monotonic())
        try:
            check, findings = self.ended.get(timeout=left)
        except queue.Empty:
            now = time.monotonic()
            for late in [one for one, deadline in self.deadlines.items() if deadline <= now]:
                self._note(late, [self._late(late)])
        else:
            self._note(check, findings)

    def _note(self, check: Check, findings: list[Finding]) -> None:
        if self.deadlines.pop(check, None) is not None:  # not one that came after its time
            self.found[check] = findings

    def _late(self, check: Check) -> Finding:
        text = f"no result within {self.seconds:g} s"
        return check.finding(check.slow, text, f"{check.remedy}; --timeout gives it more time")


def examine(checks: Sequence[Check], *, seconds: float) -> list[Finding]:
    """The findings of all checks, in the order of the checks.

    Args:
        checks: what they need and come after is among them.
        seconds: for each of them.

    Raises:
        ValueError: checks wait for each other, or for one that is not among them.
    """
    examination = _Examination(seconds=seconds)
    waiting = list(checks)
    while waiting or examination.deadlines:
        ready = [one for one in waiting if all(e in examination.found for e in (*one.needs, *one.after))]
        waiting = [one for one in waiting if one not in ready]
        for check in ready:
            failed = next((need for need in check.needs if not _passed(examination.found[need])), None)
            if failed is None:
                examination.start(check)
            else:
                where = f"{failed.area}: " if failed.area != check.area else ""
                reason = f"it needs a check that did not pass: {where}{failed.name}"
                examination.found[check] = [check.finding(Verdict.NOT_CHECKED, reason)]
        if examination.deadlines:
            examination.wait()
        elif waiting and not ready:
            raise ValueError(f"checks wait in vain: {', '.join(one.name for one in waiting)}")
    return [finding for check in checks for finding in examination.found[check]]


def _passed(findings: list[Finding]) -> bool:
    return worst(finding.verdict for finding in findings) in (Verdict.OK, Verdict.WARNING)


def _looked(check: Check) -> list[Finding]:
    try:
        return list(check.look())
    except TstatsError as error:
        return [check.finding(Verdict.WRONG, " ".join(str(error).split()), check.remedy)]
    except Exception as error:  # noqa: BLE001 (a fault of ours in one check must not hide the others)
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else "nowhere"
        # Not its text, which may hold anything.
        text = f"the check itself failed: {type(error).__name__} at {where}"
        return [check.finding(Verdict.WRONG, text, "this is a fault of tstats: report it with this line")]
