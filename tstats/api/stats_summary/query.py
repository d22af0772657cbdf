"""What GET stats_summary asks for, by its parameters.

Traffic Ops' rules: a filter that is there filters, also by an empty name; `offset` and `page` count only
beside a `limit`; an unknown `orderby` or `sortOrder` orders nothing. Where a number is none, Traffic Ops
fails (500); here the text says what it must be.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tstats.api.http.problem import Problem

Subject = Literal["cdn", "deliveryservice", "stat"]
# What can be filtered and ordered by, in the words of the API.
PARAMETERS: Final[Mapping[str, Subject]] = {
    "cdnName": "cdn",
    "deliveryServiceName": "deliveryservice",
    "statName": "stat",
}
LARGEST: Final = 2**63 - 1  # of a LIMIT or OFFSET, in both databases
ALL_ROWS: Final = -1  # the limit that is none
_BAD = 400
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordQuery:
    """Which records, in which order.

    Attributes:
        filters: the names that a record must have, exactly.
        order: by what; else in the order in which they were made.
        descending: the other way round; without `order` it says nothing.
        limit: at most so many; None is all of them.
        offset: so many of the first are left out.
    """

    filters: Mapping[Subject, str]
    order: Subject | None = None
    descending: bool = False
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastQuery:
    """When the last record was made, of one stat or (None) of any."""

    stat: str | None


def parse(given: Mapping[str, str]) -> RecordQuery | LastQuery:
    """What the parameters of a request ask for.

    >>> parse({"lastSummaryDate": "true", "statName": "daily_maxgbps"})
    LastQuery(stat='daily_maxgbps')
    >>> parse({"cdnName": "c", "orderby": "statName", "limit": "5", "page": "3"})
    RecordQuery(filters={'cdn': 'c'}, order='stat', descending=False, limit=5, offset=10)

    Raises:
        Problem: 400: one cannot be understood.
    """
    filters = {subject: given[name] for name, subject in PARAMETERS.items() if name in given}
    for name, subject in PARAMETERS.items():
        if "\0" in filters.get(subject, ""):
            raise Problem(_BAD, f"Invalid {name}! No name has the character NUL")
    limit, offset = _pagination(given)
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


def _pagination(given: Mapping[str, str]) -> tuple[int | None, int]:
    if "limit" not in given:
        return None, 0
    limit = _number(given, "limit", at_least=ALL_ROWS, words="from 0, or -1 for all records")
    if "offset" in given:
        offset = _number(given, "offset", at_least=1, words="from 1")
    else:
        page = _number(given, "page", at_least=1, words="from 1") if "page" in given else 1
        if limit == ALL_ROWS and page > 1:
            raise Problem(_BAD, "Invalid page! With the limit -1 there is one page")
        offset = (page - 1) * max(limit, 0)
        if offset > LARGEST:
            raise Problem(_BAD, "Invalid page! There are not so many records")
    return (None if limit == ALL_ROWS else limit), offset


def _number(given: Mapping[str, str], name: str, *, at_least: int, words: str) -> int:
    """A whole number as Go reads it, in 64 bits."""
    text = given[name]
    number = int(text) if _INTEGER.fullmatch(text) else at_least - 1
    if not at_least <= number <= LARGEST:
        raise Problem(_BAD, f"Invalid {name}! Must be a whole number {words}")
    return number
