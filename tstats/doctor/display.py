"""Show a diagnosis: as JSON for scripts, as one screen for people."""

import textwrap
from collections.abc import Iterator
from typing import Any

from tstats.doctor.diagnosis import Diagnosis, Finding, Verdict, format_count

_MARKS = {
    Verdict.OK: "ok",
    Verdict.WARNING: "warning",
    Verdict.WRONG: "WRONG",
    Verdict.NOT_CHECKED: "-",
}
_MARK_WIDTH = 7
_NARROWEST = 60


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the diagnosis in the shape that `--output json` promises."""
    return {
        "ok": diagnosis.ok,
        "counts": {_camel(verdict): number for verdict, number in diagnosis.counts.items()},
        "checks": [
            {
                "area": finding.area,
                "check": finding.check,
                "verdict": _camel(finding.verdict),
                "text": finding.text,
                "remedy": finding.remedy or None,
                "details": list(finding.details),
            }
            for finding in diagnosis.findings
        ],
    }


def _camel(verdict: Verdict) -> str:
    return "notChecked" if verdict is Verdict.NOT_CHECKED else verdict.value


def lines(diagnosis: Diagnosis, *, width: int, details: bool = False) -> Iterator[str]:
    """Yield a line for each finding with its remedy below it, and a line of totals.

    Args:
        diagnosis: what to show.
        width: of the screen, in characters; longer texts are wrapped.
        details: whether to show the details of each finding.
    """
    names = max((len(finding.check) for finding in diagnosis.findings), default=0)
    for area in diagnosis.areas:
        yield area
        for finding in diagnosis.findings:
            if finding.area == area:
                yield from _finding(finding, names, max(width, _NARROWEST), details=details)
    yield ""
    counts = diagnosis.counts
    warnings = format_count(counts[Verdict.WARNING], "warning")
    yield (
        f"{counts[Verdict.OK]} ok, {warnings}, {counts[Verdict.WRONG]} wrong,"
        f" {counts[Verdict.NOT_CHECKED]} not checked"
    )


def _finding(finding: Finding, names: int, width: int, *, details: bool) -> Iterator[str]:
    head = f"  {_MARKS[finding.verdict]:{_MARK_WIDTH}}  {finding.check:{names}}  "
    indent = " " * len(head)
    text = _printable(finding.text)
    if finding.verdict is Verdict.NOT_CHECKED:
        text = f"not checked: {text}"
    yield from _wrapped(text, width, head, indent)
    if finding.remedy:
        yield from _wrapped(_printable(finding.remedy), width, f"{indent}→ ", f"{indent}  ")
    for detail in finding.details if details else ():
        yield f"{indent}  {_printable(detail)}"


def _wrapped(text: str, width: int, head: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Return the text in one line and without control characters: parts of it come from servers."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
