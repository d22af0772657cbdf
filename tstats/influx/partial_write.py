"""What InfluxDB says of a write of which it took only a part; the words depend on its version (WIRE.md)."""

import re
from dataclasses import dataclass

_UNTIL_1_12_2 = re.compile(r"partial write: (?P<why>.*) dropped=(?P<points>\d+)", re.DOTALL)
_FROM_1_12_3 = re.compile(
    r"partial write: dropped (?P<expired>\d+) points outside retention policy of duration \S+"
    r"(?: and (?P<refused>\d+) points outside write window)?"
)
_EXPIRED = "points beyond retention policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialWrite:
    """How much of a write InfluxDB dropped.

    Attributes:
        points: so many were dropped; the others were written.
        expired: all of them were older than the retention policy keeps, which is no loss.
    """

    points: int
    expired: bool

    @classmethod
    def parse(cls, refusal: str) -> "PartialWrite | None":
        """Read the text of a refusal; None if it does not say that a part was written."""
        if new := _FROM_1_12_3.search(refusal):
            refused = int(new["refused"] or 0)
            return cls(points=int(new["expired"]) + refused, expired=not refused)
        if old := _UNTIL_1_12_2.search(refusal):
            return cls(points=int(old["points"]), expired=old["why"] == _EXPIRED)
        return None
