"""A record of `stats_summary`, and how each version of the API writes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsSummary:
    """A row of stats_summary, without its id.

    Attributes:
        cdn, deliveryservice: what it is about; `all` unless one was named.
        stat: the name of the statistic, chosen by whoever recorded it.
        value: in whatever unit the statistic has.
        summary_time: when it was made.
        stat_date: the day it is about, if it is about a day.
    """

    cdn: str
    deliveryservice: str
    stat: str
    value: float
    summary_time: datetime
    stat_date: date | None


class _RecordBody(msgspec.Struct, frozen=True, rename="camel"):
    stat_date: date | None
    summary_time: str
    cdn_name: str
    delivery_service_name: str
    stat_name: str
    stat_value: float


def records_as_json(records: Iterable[StatsSummary], version: str) -> bytes:
    """Return records as the items of a JSON array, separated by commas, without its brackets.

    >>> noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    >>> records_as_json([StatsSummary(cdn="c", deliveryservice="all", stat="s", value=2.5, summary_time=noon,
    ...     stat_date=None)], "5.0").decode()
    '{"statDate":null,"summaryTime":"2026-11-21T12:00:00Z","cdnName":"c","deliveryServiceName":"all",\
"statName":"s","statValue":2.5}'
    """
    bodies = [
        _RecordBody(
            record.stat_date,
            _format_time(record.summary_time, version),
            record.cdn,
            record.deliveryservice,
            record.stat,
            record.value,
        )
        for record in records
    ]
    return msgspec.json.encode(bodies)[1:-1]


def last_as_json(summary_time: datetime | None, version: str) -> bytes:
    """Return the whole response to `lastSummaryDate`.

    >>> last_as_json(datetime(2026, 11, 21, 12, tzinfo=UTC), "4.1")
    b'{"response":{"summaryTime":"2026-11-21 12:00:00+00"}}'
    """
    text = None if summary_time is None else _format_time(summary_time, version)
    return msgspec.json.encode({"response": {"summaryTime": text}})


def _format_time(moment: datetime, version: str) -> str:
    """Return a time in whole seconds and UTC: RFC 3339 since 5.0, PostgreSQL's form before."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{text}Z" if version.startswith("5.") else f"{text.replace('T', ' ')}+00"
