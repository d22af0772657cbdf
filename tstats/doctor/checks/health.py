"""The check of an InfluxDB's own figures: what is disabled, nearly full, or dropped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tstats import catalog
from tstats.doctor.checks.influx import InfluxCheck, administrators_only
from tstats.doctor.diagnosis import Finding, Verdict, format_count, format_size, grade, worst
from tstats.influx.health import DatabaseHealth, ServerHealth, read_health

_WARNING, _WRONG = 0.8, 0.95  # of a limit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HealthCheck(InfluxCheck):
    """The figures that the server reports about itself."""

    name: str = "health"

    def look(self) -> Iterator[Finding]:
        """Check that nothing that tstats relies on is disabled, nearly full or failing."""
        with administrators_only("the server's figures"):
            server = read_health(self.examined.influx)
        names = [database.name for database in catalog.DATABASES]
        databases = {name: server.databases[name] for name in names if name in server.databases}
        details = [
            f"{name}: {database.series:,} series, {format_size(database.disk_bytes)}"
            for name, database in databases.items()
        ]
        faults = [
            *self._services(server),
            *self._limits(server, databases),
            *self._losses(server, databases),
        ]
        if faults:
            verdict = worst(fault.verdict for fault in faults)
            text = "; ".join(fault.text for fault in faults)
            yield self.finding(verdict, text, "; ".join(fault.remedy for fault in faults), details)
            return
        series = max((database.series for database in databases.values()), default=0)
        limit = f" (limit {server.most_series:,})" if server.most_series else ""
        used = format_size(sum(database.disk_bytes for database in databases.values()))
        yield self.ok(f"up to {series:,} series per database{limit}, {used} on disk", details)

    def _services(self, server: ServerHealth) -> Iterator[Finding]:
        if server.runs_continuous_queries is False and self.examined.continuous_queries:
            yield self.wrong(
                "continuous queries are disabled, so no rollups are computed",
                'set enabled = true in [continuous_queries] of influxdb.conf, or rollupMode to "tstats"',
            )
        if server.drops_expired is False:
            yield self.warning(
                "retention is disabled, so no points are ever deleted",
                "set enabled = true in [retention] of influxdb.conf",
            )

    def _limits(self, server: ServerHealth, databases: Mapping[str, DatabaseHealth]) -> Iterator[Finding]:
        for name, database in databases.items():
            yield from self._limit(
                database.series,
                server.most_series,
                f"{name} has {database.series:,} of at most {server.most_series:,} series; points of"
                " new ones are dropped",
                'raise max-series-per-database, or use index-version = "tsi1", in influxdb.conf',
            )
        yield from self._limit(
            server.cached,
            server.most_cached,
            f"the cache of a shard holds {format_size(server.cached)} of at most"
            f" {format_size(server.most_cached)}; writes beyond that are refused",
            "raise cache-max-memory-size in influxdb.conf, or give the server a faster disk",
        )

    def _limit(self, used: int, limit: int, text: str, remedy: str) -> Iterator[Finding]:
        """Yield a finding if a limit is near; 0 is no limit."""
        verdict = grade(used / limit, warning=_WARNING, wrong=_WRONG) if limit else Verdict.OK
        if verdict is not Verdict.OK:
            yield self.finding(verdict, text, remedy)

    def _losses(self, server: ServerHealth, databases: Mapping[str, DatabaseHealth]) -> Iterator[Finding]:
        for name, database in databases.items():
            if database.dropped:
                yield self.warning(
                    f"{name}: {format_count(database.dropped, 'point')} dropped since the server started",
                    "see influxd's log; points older than their retention policy are dropped by design",
                )
        if server.queries_failed:
            runs = server.queries_failed + server.queries_done
            yield self.warning(
                f"{server.queries_failed:,} of {runs:,} runs of continuous queries failed since the server"
                " started",
                "see influxd's log; tstats collect repairs what they left out",
            )
