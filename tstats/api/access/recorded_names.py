"""The CDNs and delivery services of which InfluxDB has points: what exists without a Traffic Ops."""

import time
from collections.abc import Callable, Iterable

from tstats.api.http.ttl_cache import TtlCache
from tstats.catalog import CACHE_METRICS, DELIVERYSERVICE_METRICS
from tstats.core.model import Rollup
from tstats.influx import influxql
from tstats.influx.async_reader import InfluxReader

_TTL = 60.0  # seconds


class RecordedNames:
    """The values of tags in the rollups that the API reads; each kind is read in one request and cached.

    Args:
        reader: used, but not closed.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, reader: InfluxReader, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader = reader
        self._names = TtlCache[str, frozenset[str]](ttl=_TTL, clock=clock)

    async def cdns(self) -> frozenset[str]:
        """Return the CDNs.

        Raises:
            ServerError: InfluxDB cannot be read.
        """
        return await self._names.get("cdn", lambda: self._tag_values("cdn", CACHE_METRICS.values()))

    async def delivery_services(self) -> frozenset[str]:
        """Return the xmlIds of the delivery services.

        Raises:
            ServerError: InfluxDB cannot be read.
        """
        tag = "deliveryservice"
        return await self._names.get(tag, lambda: self._tag_values(tag, DELIVERYSERVICE_METRICS.values()))

    async def aclose(self) -> None:
        """Cancel the reads in progress."""
        await self._names.aclose()

    async def _tag_values(self, tag: str, rollups: Iterable[Rollup]) -> frozenset[str]:
        statements = [
            influxql.show_tag_values(rollup.database, rollup.target_policy, rollup.target, tag)
            for rollup in rollups
        ]
        results = await self._reader.results("; ".join(statements))
        return frozenset(
            str(row["value"]) for result in results for series in result for row in series.rows()
        )
