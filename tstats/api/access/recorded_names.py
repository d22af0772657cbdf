"""The CDNs and delivery services that InfluxDB has points of: what exists, where no Traffic Ops tells."""

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from tstats.api.http.ttl_cache import Remembered
from tstats.catalog import CACHE_METRICS, DELIVERYSERVICE_METRICS
from tstats.core.model import Rollup
from tstats.influx import influxql
from tstats.influx.client import Series

_SECONDS = 60.0


class Reader(Protocol):
    """Reads InfluxDB; raises ServerError."""

    async def results(self, statements: str) -> list[list[Series]]:
        """The series that each of some statements answers with."""
        ...


class TaggedNames:
    """The names that are tags of what the API reads, each kind in one request and remembered for a minute.

    Args:
        reader: of InfluxDB; it belongs to somebody else.
        clock: seconds that only grow.
    """

    def __init__(self, reader: Reader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._names = Remembered[str, frozenset[str]](seconds=_SECONDS, clock=clock)

    async def cdns(self) -> frozenset[str]:
        """The CDNs.

        Raises:
            ServerError: InfluxDB cannot be asked.
        """
        return await self._names.get("cdn", lambda: self._values("cdn", CACHE_METRICS.values()))

    async def delivery_services(self) -> frozenset[str]:
        """The xmlIds of the delivery services.

        Raises:
            ServerError: InfluxDB cannot be asked.
        """
        tag = "deliveryservice"
        return await self._names.get(tag, lambda: self._values(tag, DELIVERYSERVICE_METRICS.values()))

    async def aclose(self) -> None:
        """End what is being asked."""
        await self._names.aclose()

    async def _values(self, tag: str, rollups: Iterable[Rollup]) -> frozenset[str]:
        statements = [
            influxql.show_tag_values(rollup.database, rollup.target_policy, rollup.target, tag)
            for rollup in rollups
        ]
        found = await self._reader.results("; ".join(statements))
        return frozenset(str(row["value"]) for answer in found for series in answer for row in series.rows())
