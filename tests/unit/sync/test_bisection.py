"""How the digests of a measurement are grouped, by how many values its tags have."""

import pytest

from tstats.sync.bisection import TagValues


class KnownValues:
    """A side that knows the values of tags."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers

    def values(self, tag: str) -> list[str]:
        return [f"{tag}{number}" for number in range(self._numbers[tag])]


@pytest.mark.parametrize(
    ("numbers", "groups"),
    [
        ({}, ()),
        ({"cdn": 3, "type": 1}, ("type", "cdn")),
        ({"cachegroup": 20, "cdn": 3, "hostname": 100, "type": 1}, ()),
        ({"cachegroup": 20, "cdn": 3, "hostname": 1000, "type": 1}, ("type", "cdn")),
        ({"deliveryservice": 1000}, ()),
    ],
    ids=["no tags", "all tags", "few series", "many series", "one tag of many values"],
)
def test_groups_are_all_tags_or_those_with_few_values_of_many_series(
    numbers: dict[str, int], groups: tuple[str, ...]
) -> None:
    sides = (KnownValues(numbers), KnownValues(dict.fromkeys(numbers, 1)))
    assert TagValues(sides, tuple(sorted(numbers))).groups() == groups
