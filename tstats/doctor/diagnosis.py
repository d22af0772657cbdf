"""What an examination of an installation found: verdicts, their order, and the exit status. All pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"  # it works; something should be done before it does not
    WRONG = "wrong"
    NOT_CHECKED = "not checked"  # what has to be right for it is not, or nobody could tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check saw.

    Attributes:
        area: what was looked at: `Traffic Ops`, `InfluxDB http://…`.
        check: which of its sides.
        verdict: how it stands.
        text: what was seen; for `NOT_CHECKED`, why nothing was.
        remedy: what to do about it; never empty where something is wrong or a warning.
        details: further lines for who asks for them.

    Raises:
        ValueError: something is wrong or a warning, and there is no remedy.
    """

    area: str
    check: str
    verdict: Verdict
    text: str
    remedy: str = ""
    details: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict in (Verdict.WRONG, Verdict.WARNING) and not self.remedy:
            raise ValueError(f"{self.area}: {self.check}: a finding of this kind has a remedy")


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
        """The areas in their order, each once."""
        return tuple(dict.fromkeys(finding.area for finding in self.findings))

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many findings there are of each verdict, also of those that there are none of."""
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in Verdict}

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings of one verdict."""
        return tuple(finding for finding in self.findings if finding.verdict is verdict)


_SEVERITY = (Verdict.WRONG, Verdict.WARNING, Verdict.NOT_CHECKED, Verdict.OK)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of some verdicts; OK without any.

    >>> worst([Verdict.OK, Verdict.WARNING, Verdict.NOT_CHECKED]).value
    'warning'
    """
    return min(verdicts, key=_SEVERITY.index, default=Verdict.OK)


def graded(value: float, *, warning: float, wrong: float) -> Verdict:
    """The verdict on a figure that is the better the lower it is; both bounds count as passed.

    >>> [graded(share, warning=0.8, wrong=0.95).value for share in (0.5, 0.8, 1.0)]
    ['ok', 'warning', 'wrong']
    """
    if value >= wrong:
        return Verdict.WRONG
    return Verdict.WARNING if value >= warning else Verdict.OK


def counted(number: int, what: str, several: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "batch", "batches"), counted(1_200, "point")
    ('1 batch', '1,200 points')
    """
    return f"{number:,} {what if number == 1 else several or what + 's'}"


def age(seconds: float) -> str:
    """A span of time as one reads it at night.

    >>> age(0.4), age(95), age(7_200), age(300_000)
    ('0 s', '95 s', '120 min', '83 h')
    """
    for size, unit, most in ((1, "s", 120), (60, "min", 180), (3600, "h", 96)):
        if seconds < most * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} d"


def size(number: float) -> str:
    """Bytes as one reads them.

    >>> size(512), size(3 << 20), size(5 << 30)
    ('512 B', '3.0 MiB', '5.0 GiB')
    """
    unit = "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if number < 1024:  # noqa: PLR2004 (of the next unit)
            break
        number, unit = number / 1024, larger
    return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"


def shown(names: Iterable[str], *, most: int = 3) -> str:
    """A few of some names, and how many there are beside.

    >>> shown(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    given = list(names)
    rest = f" and {len(given) - most} more" if len(given) > most else ""
    return ", ".join(given[:most]) + rest
