"""The answers to requests for statistics, from what InfluxDB gave."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from tstats.api.statistics.statements import SUMMARY_FIGURES

_KBPS_PER_GBPS = 1_000_000
_USABLE = 0.85  # the part of a cache's line that counts as its capacity
_MINUTE = 60  # seconds
_BITS = 8


class Series(Protocol):
    """One series as InfluxDB gives it: `values` are rows in the order of `columns`."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        ...

    @property
    def name(self) -> str:
        """The measurement."""
        ...

    @property
    def tags(self) -> dict[str, str]:
        """Those that the statement groups by."""
        ...

    @property
    def values(self) -> list[list[Any]]:
        """The rows."""
        ...


class _Answered(msgspec.Struct, frozen=True):
    columns: list[str]
    count: int
    name: str
    tags: dict[str, str]
    values: list[list[Any]]


def stats_answer(
    *, series: Sequence[Series] | None, summary: Sequence[Series] | None, totals_of: str | None = None
) -> bytes:
    """The body of an answer to cache_stats or deliveryservice_stats.

    Args:
        series: the answer to the statement of the series; empty for no data, None when it was not wanted.
        summary: the same of the summary.
        totals_of: the metric of a delivery service, whose summary has totals beside the figures.
    """
    response: dict[str, object] = {}
    if series:
        row = series[0]
        response["series"] = _Answered(
            columns=row.columns, count=len(row.values), name=row.name, tags=row.tags, values=row.values
        )
    if summary is not None:
        response["summary"] = _summary(summary, totals_of)
    return msgspec.json.encode({"response": response})


def _summary(rows: Sequence[Series], totals_of: str | None) -> dict[str, float | None]:
    found = dict(zip(rows[0].columns, rows[0].values[0], strict=True)) if rows else {}
    # Of a few points the fifth percentile is null; Traffic Ops calls that 0, too.
    summary: dict[str, float | None] = {name: found.get(name) or 0 for name in SUMMARY_FIGURES}
    if totals_of is not None:
        seconds_of_average = (summary["count"] or 0) * _MINUTE * (summary["average"] or 0)
        kilobits = totals_of == "kbps"
        summary["totalKiloBytes"] = seconds_of_average / _BITS if rows and kilobits else None
        summary["totalTransactions"] = seconds_of_average if rows and not kilobits else None
    return summary


def current_stats_answer(
    cdns: Iterable[str],
    *,
    bandwidth: Sequence[Series],
    capacity: Sequence[Series],
    connections: Sequence[Series],
) -> bytes:
    """The body of an answer to current_stats.

    Args:
        cdns: every CDN, with points or without.
        bandwidth: the last value of each CDN, in kbps.
        capacity: the same of the sum of its caches' lines, in kbps.
        connections: the same of its clients' connections.
    """
    kbps, lines, clients = _last(bandwidth), _last(capacity), _last(connections)
    names = list(cdns)
    current: list[dict[str, str | float | None]] = [
        {
            "bandwidth": kbps[cdn] / _KBPS_PER_GBPS if cdn in kbps else None,
            "capacity": lines[cdn] / _KBPS_PER_GBPS * _USABLE if cdn in lines else None,
            "cdn": cdn,
            "connections": clients.get(cdn),
        }
        for cdn in names
    ]
    flows = [kbps[cdn] for cdn in names if cdn in kbps]
    users = [clients[cdn] for cdn in names if cdn in clients]
    current.append(
        {
            "bandwidth": sum(flows) / _KBPS_PER_GBPS if flows else None,
            "cdn": "total",
            "connections": sum(users) if users else None,
        }
    )
    return msgspec.json.encode({"response": {"currentStats": current}})


def _last(rows: Sequence[Series]) -> Mapping[str, float]:
    return {row.tags["cdn"]: row.values[0][row.columns.index("last")] for row in rows}
