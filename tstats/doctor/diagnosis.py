"""What an examination of an installation found: verdicts, findings, and how they are put into words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tstats.core.time import DAY, HOUR, MINUTE, SECOND


class Verdict(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"  # it works, but needs attention before it stops working
    WRONG = "wrong"
    NOT_CHECKED = "not checked"  # something it needs is wrong, or it cannot be seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check saw.

    Attributes:
        area: what was looked at: `Traffic Ops`, `InfluxDB http://…`.
        check: the name of the check.
        verdict: how it stands.
        text: what was seen; for `NOT_CHECKED`, why nothing was.
        remedy: what to do about it; never empty for a warning or for something wrong.
        details: more lines, shown on request.

    Raises:
        ValueError: a warning, or something wrong, has no remedy.
    """

    area: str
    check: str
    verdict: Verdict
    text: str
    remedy: str = ""
    details: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict in (Verdict.WRONG, Verdict.WARNING) and not self.remedy:
            raise ValueError(f"{self.area}: {self.check}: a finding of this kind needs a remedy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All findings, in the order in which they are shown."""

    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; there may be warnings."""
        return not self.of(Verdict.WRONG)

    @property
    def areas(self) -> tuple[str, ...]:
        """Each area once, in order."""
        return tuple(dict.fromkeys(finding.area for finding in self.findings))

    @property
    def counts(self) -> dict[Verdict, int]:
        """The number of findings with each verdict, zeros included."""
        counts = Counter(finding.verdict for finding in self.findings)
        return {verdict: counts[verdict] for verdict in Verdict}

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """Return the findings with a verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)


_SEVERITY = (Verdict.WRONG, Verdict.WARNING, Verdict.NOT_CHECKED, Verdict.OK)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; OK if there are none.

    >>> worst([Verdict.OK, Verdict.WARNING, Verdict.NOT_CHECKED]).value
    'warning'
    """
    return min(verdicts, key=_SEVERITY.index, default=Verdict.OK)


def grade(value: float, *, warning: float, wrong: float) -> Verdict:
    """Return the verdict on a figure that should be low; a value equal to a bound exceeds it.

    >>> [grade(share, warning=0.8, wrong=0.95).value for share in (0.5, 0.8, 1.0)]
    ['ok', 'warning', 'wrong']
    """
    if value >= wrong:
        return Verdict.WRONG
    return Verdict.WARNING if value >= warning else Verdict.OK


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Format a number with its noun.

    >>> format_count(1, "batch", "batches"), format_count(1_200, "point")
    ('1 batch', '1,200 points')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_age(nanoseconds: int) -> str:
    """Format a time span in the unit in which it is easiest to read.

    >>> format_age(400 * 10**6), format_age(95 * SECOND), format_age(2 * HOUR), format_age(83 * HOUR)
    ('0 s', '95 s', '120 min', '83 h')
    """
    for unit, name, most in ((SECOND, "s", 120), (MINUTE, "min", 180), (HOUR, "h", 96)):
        if nanoseconds < most * unit:
            return f"{nanoseconds / unit:.0f} {name}"
    return f"{nanoseconds / DAY:.0f} d"


def format_size(size: float) -> str:
    """Format a number of bytes.

    >>> format_size(512), format_size(3 << 20), format_size(5 << 30)
    ('512 B', '3.0 MiB', '5.0 GiB')
    """
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:  # noqa: PLR2004 (of the next unit)
            break
        size, unit = size / 1024, larger
    return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def format_names(names: Iterable[str], *, most: int = 3) -> str:
    """Format the first few names, and the number of the others.

    >>> format_names(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    listed = list(names)
    rest = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + rest
