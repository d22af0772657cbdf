"""The bodies of the responses to the page. Times are seconds since the epoch, bandwidths kbps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest

import msgspec

from tstats.api.statistics.response import ReadSeries
from tstats.core.time import SECOND

Tags = tuple[str, ...]


def highest(series: Sequence[ReadSeries], tag: str, count: int) -> list[str]:
    """Return the values of a tag with the highest means, highest first, at most `count`."""
    means = {entry.tags[tag]: entry.values[0][entry.columns.index("mean")] or 0.0 for entry in series}
    return nlargest(count, sorted(means), key=means.__getitem__)


def lines_body(
    series: Sequence[ReadSeries], tag: str | None, order: Sequence[str], *, times: range, found: int
) -> bytes:
    """Return the lines of a chart: their values at common times, null where there is none.

    Args:
        series: the series that were read.
        tag: the tag that distinguishes the lines; None for a single line with an empty name.
        order: the names of the lines.
        times: the times, in seconds since the epoch.
        found: the number of lines that exist, drawn or not.
    """
    values = {
        entry.tags[tag] if tag else "": {row[0] // SECOND: row[1] for row in entry.values} for entry in series
    }
    lines = [
        {"name": name, "values": [values[name].get(time) for time in times]}
        for name in order
        if name in values
    ]
    return msgspec.json.encode({"times": list(times), "lines": lines, "found": found})


@dataclass(frozen=True, slots=True, kw_only=True)
class LastValue:
    """A last value and its time, in seconds since the epoch."""

    value: float
    time: int


def last_by(series: Iterable[ReadSeries], *tags: str) -> dict[Tags, LastValue]:
    """Return the last value of each combination of tags."""
    return {
        tuple(entry.tags[tag] for tag in tags): LastValue(
            value=entry.values[0][entry.columns.index("last")], time=entry.values[0][0] // SECOND
        )
        for entry in series
    }


def caches_body(
    bandwidth: Mapping[Tags, LastValue],
    capacity: Mapping[Tags, LastValue],
    connections: Mapping[Tags, LastValue],
) -> bytes:
    """Return every cache with its last values, given by (cdn, cachegroup, hostname, type).

    The `time` of a cache is that of its newest value.
    """
    found = []
    for key in sorted(bandwidth.keys() | capacity.keys() | connections.keys()):
        values = [last.get(key) for last in (bandwidth, capacity, connections)]
        cdn, cachegroup, hostname, kind = key
        kbps, max_kbps, clients = (last.value if last else None for last in values)
        found.append(
            {
                "cdn": cdn,
                "cachegroup": cachegroup,
                "hostname": hostname,
                "type": kind,
                "kbps": kbps,
                "capacity": max_kbps,
                "connections": clients,
                "time": max(last.time for last in values if last),
            }
        )
    return msgspec.json.encode({"caches": found})


def days_body(results: Mapping[str, Sequence[ReadSeries]]) -> bytes:
    """Return the daily statistics of each CDN, the newest day first.

    Args:
        results: what InfluxDB returned, by statistic.
    """
    days: dict[tuple[int, str], dict[str, float]] = {}
    for name, series in results.items():
        for entry in series:
            for time, value in entry.values:
                days.setdefault((time // SECOND, entry.tags["cdn"]), {})[name] = value
    ordered = sorted(days.items(), key=lambda item: (-item[0][0], item[0][1]))
    body = [{"day": day, "cdn": cdn, **dict.fromkeys(results), **figures} for (day, cdn), figures in ordered]
    return msgspec.json.encode({"days": body})
