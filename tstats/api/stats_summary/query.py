"""The parameters of GET stats_summary, parsed by Traffic Ops' rules.

A filter that is present applies, even if it is empty; `offset` and `page` count only beside a `limit`; an
unknown `orderby` or `sortOrder` is ignored. For an invalid number, where Traffic Ops fails with a 500, the
response here is a 400 that says what the number must be.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tstats.api.http.problem import bad_request

SummaryColumn = Literal["cdn", "deliveryservice", "stat"]
PARAMETERS: Final[Mapping[str, SummaryColumn]] = {
    "cdnName": "cdn",
    "deliveryServiceName": "deliveryservice",
    "statName": "stat",
}
"""What records can be filtered and ordered by, by the name of the parameter."""

MAX_ROWS: Final = 2**63 - 1
"""The highest LIMIT and OFFSET, in both databases."""

ALL_ROWS: Final = -1
"""The parameter `limit` for no limit."""

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records, and in which order.

    Attributes:
        filters: the exact names that a record must have.
        order: what to sort by; None for the order in which the records were made.
        descending: whether to reverse the order; without effect if `order` is None.
        limit: the most records; None for all.
        offset: records to skip.
    """

    filters: Mapping[SummaryColumn, str]
    order: SummaryColumn | None = None
    descending: bool = False
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastQuery:
    """When the last record was made, of a statistic or (None) of any."""

    stat: str | None


def parse(given: Mapping[str, str]) -> RecordQuery | LastQuery:
    """Parse the parameters of a request.

    >>> parse({"lastSummaryDate": "true", "statName": "daily_maxgbps"})
    LastQuery(stat='daily_maxgbps')
    >>> parse({"cdnName": "c", "orderby": "statName", "limit": "5", "page": "3"})
    RecordQuery(filters={'cdn': 'c'}, order='stat', descending=False, limit=5, offset=10)

    Raises:
        Problem: 400, if a parameter is invalid.
    """
    filters = {column: given[name] for name, column in PARAMETERS.items() if name in given}
    for name, column in PARAMETERS.items():
        if "\0" in filters.get(column, ""):
            raise bad_request(f"Invalid {name}! Must not contain a NUL character")
    limit, offset = _parse_pagination(given)
    if given.get("lastSummaryDate"):
        return LastQuery(stat=filters.get("stat"))
    order = PARAMETERS.get(given.get("orderby", ""))
    return RecordQuery(
        filters=filters,
        order=order,
        descending=order is not None and given.get("sortOrder") == "desc",
        limit=limit,
        offset=offset,
    )


def _parse_pagination(given: Mapping[str, str]) -> tuple[int | None, int]:
    if "limit" not in given:
        return None, 0
    limit = _parse_integer(given, "limit", least=ALL_ROWS, words="from 0, or -1 for all records")
    if "offset" in given:
        offset = _parse_integer(given, "offset", least=1, words="from 1")
    else:
        page = _parse_integer(given, "page", least=1, words="from 1") if "page" in given else 1
        if limit == ALL_ROWS and page > 1:
            raise bad_request("Invalid page! With a limit of -1 there is only one page")
        offset = (page - 1) * max(limit, 0)
        if offset > MAX_ROWS:
            raise bad_request("Invalid page! There are not that many records")
    return (None if limit == ALL_ROWS else limit), offset


def _parse_integer(given: Mapping[str, str], name: str, *, least: int, words: str) -> int:
    """Parse a 64-bit integer as Go does."""
    text = given[name]
    number = int(text) if _INTEGER.fullmatch(text) else least - 1
    if not least <= number <= MAX_ROWS:
        raise bad_request(f"Invalid {name}! Must be a whole number {words}")
    return number
