"""The answers that the page gets; their times are seconds since the epoch, their traffic kbps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

import msgspec

from tstats.api.statistics.response import Series
from tstats.core.time import SECOND

Tags = tuple[str, ...]


def highest(ranked: Sequence[Series], tag: str, most: int) -> list[str]:
    """The values of a tag whose lines are the highest, the highest first; at most `most` of them."""
    means = {one.tags[tag]: one.values[0][one.columns.index("mean")] or 0.0 for one in ranked}
    return nlargest(most, sorted(means), key=means.__getitem__)


def lines_answer(
    series: Sequence[Series], tag: str | None, order: Sequence[str], *, span: range, found: int
) -> bytes:
    """The body of an answer with the lines of a chart: their values at common times, null for none.

    Args:
        series: the rows that there are.
        tag: which tells the lines apart; None where there is but one, whose name is empty.
        order: the lines' names.
        span: the times, in seconds since the epoch.
        found: how many lines there are, drawn or not.
    """
    rows = {one.tags[tag] if tag else "": {row[0] // SECOND: row[1] for row in one.values} for one in series}
    lines = [
        {"name": name, "values": [rows[name].get(moment) for moment in span]}
        for name in order
        if name in rows
    ]
    return msgspec.json.encode({"times": list(span), "lines": lines, "found": found})


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """A last value and when that was, in seconds since the epoch."""

    value: float
    time: int


def last_by(series: Iterable[Series], *tags: str) -> dict[Tags, Last]:
    """The last value of each combination of tags."""
    return {
        tuple(one.tags[tag] for tag in tags): Last(
            value=one.values[0][one.columns.index("last")], time=one.values[0][0] // SECOND
        )
        for one in series
    }


def caches_answer(
    bandwidth: Mapping[Tags, Last], capacity: Mapping[Tags, Last], connections: Mapping[Tags, Last]
) -> bytes:
    """The body of an answer with every cache, by (cdn, cachegroup, hostname, type), and its last values.

    `time` is that of the newest of them.
    """
    found = []
    for key in sorted(bandwidth.keys() | capacity.keys() | connections.keys()):
        values = [where.get(key) for where in (bandwidth, capacity, connections)]
        cdn, group, host, kind = key
        kbps, line, clients = (one.value if one else None for one in values)
        found.append(
            {
                "cdn": cdn,
                "cachegroup": group,
                "hostname": host,
                "type": kind,
                "kbps": kbps,
                "capacity": line,
                "connections": clients,
                "time": max(one.time for one in values if one),
            }
        )
    return msgspec.json.encode({"caches": found})


def days_answer(answers: Mapping[str, Sequence[Series]]) -> bytes:
    """The body of an answer with the statistics of each day of each CDN, the newest day first.

    Args:
        answers: InfluxDB's, by statistic.
    """
    days: dict[tuple[int, str], dict[str, float]] = {}
    for name, series in answers.items():
        for one in series:
            for time, value in one.values:
                days.setdefault((time // SECOND, one.tags["cdn"]), {})[name] = value
    ordered = sorted(days.items(), key=lambda item: (-item[0][0], item[0][1]))
    body = [{"day": day, "cdn": cdn, **dict.fromkeys(answers), **figures} for (day, cdn), figures in ordered]
    return msgspec.json.encode({"days": body})
