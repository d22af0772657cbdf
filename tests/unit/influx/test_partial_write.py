"""What InfluxDB says of a partial write, by version."""

import pytest

from tstats.influx.partial_write import PartialWrite

WHERE = "http://a:8086/write refused with 400: partial write: "
OUTSIDE = "dropped 3 points outside retention policy of duration 26h0m0s"


@pytest.mark.parametrize(
    ("words", "points", "expired"),
    [
        ("points beyond retention policy dropped=3", 3, True),
        (f"{OUTSIDE} for database: x", 3, True),
        (f"{OUTSIDE} and 0 points outside write window (none to none) for database: x", 3, True),
        (f"{OUTSIDE} and 2 points outside write window (-1h to 1h) for database: x", 5, False),
        ('field type conflict: input field "value" on measurement "m" is type string dropped=1', 1, False),
    ],
)
def test_the_points_that_were_dropped_are_counted(
    words: str,
    points: int,
    expired: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    assert PartialWrite.parse(WHERE + words) == PartialWrite(points=points, expired=expired)


def test_other_refusals_are_no_partial_writes() -> None:
    assert PartialWrite.parse("http://a:8086/write refused with 400: unable to parse 'x'") is None
