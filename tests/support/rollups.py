"""Raw points for rollups, and a continuous query service that runs at the times a test chooses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tstats.catalog import CACHE_STATS, DATABASES, DELIVERYSERVICE_STATS, ROLLUPS
from tstats.core.model import Rollup
from tstats.core.time import MINUTE, SECOND
from tstats.core.windows import Window
from tstats.influx import influxql
from tstats.influx.client import Influx
from tstats.schema.provision import catalog_schema, provision

POLL = 10 * SECOND
_CACHES = {
    "edge-1": "cachegroup=g1,cdn=cdn1,hostname=edge-1,type=EDGE",
    "edge-2": "cachegroup=g2,cdn=cdn1,hostname=edge-2,type=EDGE",
    "mid-1": "cachegroup=g1,cdn=cdn1,hostname=mid-1,type=MID",
    "edge-9": "cachegroup=g\\ 9,cdn=cdn2,hostname=edge-9,type=EDGE",
}
_SERVICES = {"sports": "cdn1", "news": "cdn2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """A raw point; `line` is its series in line protocol, without a value."""

    database: str
    line: str
    time: int
    value: int

    def __str__(self) -> str:
        return f"{self.line} value={self.value} {self.time}"


def raw_series() -> Iterator[tuple[str, str]]:
    """Yield database and series for every raw measurement that the catalog rolls up."""
    for stat in sorted({rollup.source for rollup in ROLLUPS if rollup.source_policy == "daily"}):
        if stat.startswith(("kbps", "tps")):
            for service, cdn in _SERVICES.items():
                for group in ("total", "g1"):
                    yield (
                        DELIVERYSERVICE_STATS,
                        f"{stat},cachegroup={group},cdn={cdn},deliveryservice={service}",
                    )
        else:
            for tags in _CACHES.values():
                yield CACHE_STATS, f"{stat},{tags}"


def raw_points(window: Window, *, only: str = "") -> list[Raw]:
    """Return a point every ten seconds for each series, or for those whose names start with `only`.

    The means per minute are whole numbers, so that they add up to the same sum in any order.
    """
    return [
        Raw(
            database=database,
            line=line,
            time=moment,
            value=60 * ((number * 7919 + moment // POLL * 31) % 9973),
        )
        for number, (database, line) in enumerate(raw_series())
        if line.startswith(only)
        for moment in range(window.start, window.end, POLL)
    ]


def write(influx: Influx, points: Iterable[Raw]) -> None:
    """Write raw points, in one request per database."""
    by_database: dict[str, list[str]] = {}
    for point in points:
        by_database.setdefault(point.database, []).append(str(point))
    for database, lines in by_database.items():
        influx.write("\n".join(lines).encode(), database=database, policy="daily")


def make_databases(influx: Influx) -> None:
    """Create the databases of the catalog, without continuous queries."""
    wanted = catalog_schema(DATABASES, replication=1, continuous_queries=False)
    report = provision(influx, wanted, allow_data_loss=False, apply=True)
    assert report.in_sync, report


class ContinuousQueries:
    """The continuous queries of the catalog, run as InfluxDB 1.x does, but at times that the test chooses.

    At the end T of each interval of a query, its body is computed over [T - FOR, T), one query after the
    other in the order of their creation. Source: `ExecuteContinuousQuery` in services/continuous_querier.
    """

    def __init__(self, influx: Influx, rollups: Sequence[Rollup] = ROLLUPS) -> None:
        self._influx = influx
        self._rollups = rollups

    def run(self, moment: int) -> None:
        """Run the queries that are due at a whole minute."""
        statements = [
            _body(rollup, Window(start=moment - rollup.resample, end=moment))
            for rollup in self._rollups
            if moment % rollup.interval == 0
        ]
        self._influx.query("; ".join(statements))


def _body(rollup: Rollup, window: Window) -> str:
    """Return the body of the continuous query with its bounds, not using the code under test."""
    body = influxql.create_continuous_query(rollup).partition(" BEGIN ")[2].removesuffix(" END")
    head, _, groups = body.rpartition(" GROUP BY ")
    joined = "AND" if " WHERE " in head else "WHERE"
    return f"{head} {joined} time >= {window.start} AND time < {window.end} GROUP BY {groups}"


def live(influx: Influx, window: Window, points: Iterable[Raw], rollups: Sequence[Rollup] = ROLLUPS) -> None:
    """Play the window: write the points of each minute, then run the continuous queries.

    Time goes on for six minutes after the window, until nothing is recomputed any more.
    """
    by_minute: dict[int, list[Raw]] = {}
    for point in points:
        by_minute.setdefault(point.time // MINUTE * MINUTE, []).append(point)
    queries = ContinuousQueries(influx, rollups)
    for minute in range(window.start, window.end + 6 * MINUTE, MINUTE):
        write(influx, by_minute.get(minute, []))
        queries.run(minute + MINUTE)


def contents(influx: Influx) -> dict[str, Mapping[tuple[object, ...], float]]:
    """Return the value of every point of every rollup, by series and time."""
    found: dict[str, Mapping[tuple[object, ...], float]] = {}
    for rollup in ROLLUPS:
        column = influxql.typed(rollup.field, "field")
        origin = influxql.rollup_target(rollup)
        found[rollup.name] = {
            (*sorted(series.tags.items()), row[0]): row[1]
            for series in influx.query(f"SELECT {column} FROM {origin} GROUP BY *")
            for row in series.values
        }
    return found
