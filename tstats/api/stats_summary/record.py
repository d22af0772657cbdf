"""A record of `stats_summary`, and how each version of the API writes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of stats_summary, without its id.

    Attributes:
        cdn, deliveryservice: what it is of; `all` of them where nobody said which.
        stat: any name that its maker gave it.
        value: in whatever unit the stat has.
        summary_time: when it was made.
        stat_date: the day that it is of, if it is of one.
    """

    cdn: str
    deliveryservice: str
    stat: str
    value: float
    summary_time: datetime
    stat_date: date | None


class _Written(msgspec.Struct, frozen=True, rename="camel"):
    stat_date: date | None
    summary_time: str
    cdn_name: str
    delivery_service_name: str
    stat_name: str
    stat_value: float


def records_as_json(records: Iterable[Record], version: str) -> bytes:
    """The records as the items of a JSON array, with commas between them and no brackets around.

    >>> noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    >>> records_as_json([Record(cdn="c", deliveryservice="all", stat="s", value=2.5, summary_time=noon,
    ...     stat_date=None)], "5.0").decode()
    '{"statDate":null,"summaryTime":"2026-11-21T12:00:00Z","cdnName":"c","deliveryServiceName":"all",\
"statName":"s","statValue":2.5}'
    """
    written = [
        _Written(
            record.stat_date,
            _time(record.summary_time, version),
            record.cdn,
            record.deliveryservice,
            record.stat,
            record.value,
        )
        for record in records
    ]
    return msgspec.json.encode(written)[1:-1]


def last_as_json(summary_time: datetime | None, version: str) -> bytes:
    """The whole answer to `lastSummaryDate`.

    >>> last_as_json(datetime(2026, 11, 21, 12, tzinfo=UTC), "4.1")
    b'{"response":{"summaryTime":"2026-11-21 12:00:00+00"}}'
    """
    return msgspec.json.encode(
        {"response": {"summaryTime": None if summary_time is None else _time(summary_time, version)}}
    )


def _time(moment: datetime, version: str) -> str:
    """In whole seconds of UTC: RFC 3339 since 5.0, PostgreSQL's form before."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{text}Z" if version.startswith("5.") else f"{text.replace('T', ' ')}+00"
