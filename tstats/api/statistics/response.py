"""The bodies of the responses to requests for statistics, made from what InfluxDB returned."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from tstats.api.statistics.statements import SUMMARY_FIGURES

_KBPS_PER_GBPS = 1_000_000
_USABLE = 0.85  # the share of a cache's maximum bandwidth that counts as its capacity
_MINUTE = 60  # seconds
_BITS_PER_BYTE = 8


class ReadSeries(Protocol):
    """A series as InfluxDB returns it: `values` are rows in the order of `columns`."""

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
        """The tags by which the statement groups."""
        ...

    @property
    def values(self) -> list[list[Any]]:
        """The rows."""
        ...


class _SeriesBody(msgspec.Struct, frozen=True):
    columns: list[str]
    count: int
    name: str
    tags: dict[str, str]
    values: list[list[Any]]


def stats_body(
    *,
    series: Sequence[ReadSeries] | None,
    summary: Sequence[ReadSeries] | None,
    totals_of: str | None = None,
) -> bytes:
    """Return the body of a response to cache_stats or deliveryservice_stats.

    Args:
        series: the result of the statement for the series; empty without data, None if it is not wanted.
        summary: the same for the summary.
        totals_of: the metric of a delivery service; its summary has totals, too.
    """
    response: dict[str, object] = {}
    if series:
        row = series[0]
        response["series"] = _SeriesBody(
            columns=row.columns, count=len(row.values), name=row.name, tags=row.tags, values=row.values
        )
    if summary is not None:
        response["summary"] = _summary(summary, totals_of)
    return msgspec.json.encode({"response": response})


def _summary(rows: Sequence[ReadSeries], totals_of: str | None) -> dict[str, float | None]:
    found = dict(zip(rows[0].columns, rows[0].values[0], strict=True)) if rows else {}
    # The fifth percentile of a few points is null; like Traffic Ops, report it as 0.
    summary: dict[str, float | None] = {name: found.get(name) or 0 for name in SUMMARY_FIGURES}
    if totals_of is not None:
        total = (summary["count"] or 0) * _MINUTE * (summary["average"] or 0)  # count is in minutes
        is_kbps = totals_of == "kbps"
        summary["totalKiloBytes"] = total / _BITS_PER_BYTE if rows and is_kbps else None
        summary["totalTransactions"] = total if rows and not is_kbps else None
    return summary


def current_stats_body(
    cdns: Iterable[str],
    *,
    bandwidth: Sequence[ReadSeries],
    capacity: Sequence[ReadSeries],
    connections: Sequence[ReadSeries],
) -> bytes:
    """Return the body of a response to current_stats.

    Args:
        cdns: every CDN, with or without points.
        bandwidth: the last bandwidth of each CDN, in kbps.
        capacity: the last sum of its caches' maximum bandwidths, in kbps.
        connections: the last number of its client connections.
    """
    kbps, max_kbps, clients = _last_by_cdn(bandwidth), _last_by_cdn(capacity), _last_by_cdn(connections)
    names = list(cdns)
    current: list[dict[str, str | float | None]] = [
        {
            "bandwidth": kbps[cdn] / _KBPS_PER_GBPS if cdn in kbps else None,
            "capacity": max_kbps[cdn] / _KBPS_PER_GBPS * _USABLE if cdn in max_kbps else None,
            "cdn": cdn,
            "connections": clients.get(cdn),
        }
        for cdn in names
    ]
    known_kbps = [kbps[cdn] for cdn in names if cdn in kbps]
    known_clients = [clients[cdn] for cdn in names if cdn in clients]
    current.append(
        {
            "bandwidth": sum(known_kbps) / _KBPS_PER_GBPS if known_kbps else None,
            "cdn": "total",
            "connections": sum(known_clients) if known_clients else None,
        }
    )
    return msgspec.json.encode({"response": {"currentStats": current}})


def _last_by_cdn(rows: Sequence[ReadSeries]) -> Mapping[str, float]:
    return {row.tags["cdn"]: row.values[0][row.columns.index("last")] for row in rows}
