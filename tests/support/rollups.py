"""Raw points for the rollups, and a continuous-query service whose clock a test can move."""

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
    """A raw point; `line` is its series, without a value."""

    database: str
    line: str
    time: int
    value: int

    def __str__(self) -> str:
        return f"{self.line} value={self.value} {self.time}"


def series() -> Iterator[tuple[str, str]]:
    """Database and series of every raw measurement that the catalog rolls up."""
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
    """One point of each series (of those whose names begin with `only`) in each ten seconds.

    The means of a minute are whole numbers, so that every order of adding gives the same sum.
    """
    return [
        Raw(
            database=database,
            line=line,
            time=moment,
            value=60 * ((number * 7919 + moment // POLL * 31) % 9973),
        )
        for number, (database, line) in enumerate(series())
        if line.startswith(only)
        for moment in range(window.start, window.end, POLL)
    ]


def write(influx: Influx, points: Iterable[Raw]) -> None:
    """Write raw points, in as few requests as there are databases."""
    by_database: dict[str, list[str]] = {}
    for point in points:
        by_database.setdefault(point.database, []).append(str(point))
    for database, lines in by_database.items():
        influx.write("\n".join(lines).encode(), database=database, policy="daily")


def make_databases(influx: Influx) -> None:
    """The databases of the catalog, without continuous queries."""
    wanted = catalog_schema(DATABASES, replication=1, continuous_queries=False)
    report = provision(influx, wanted, allow_data_loss=False, apply=True)
    assert report.in_sync, report


class ContinuousQueries:
    """Runs the continuous queries of the catalog at moments of the test's choice, as InfluxDB 1.x does.

    At every whole interval T of a query, its body is computed over [T - FOR, T), one query after the other
    in the order of their creation. Source: `ExecuteContinuousQuery` in services/continuous_querier.
    """

    def __init__(self, influx: Influx, rollups: Sequence[Rollup] = ROLLUPS) -> None:
        self._influx = influx
        self._rollups = rollups

    def run(self, moment: int) -> None:
        """What happens at a whole minute."""
        statements = [
            _body(rollup, Window(start=moment - rollup.resample, end=moment))
            for rollup in self._rollups
            if moment % rollup.interval == 0
        ]
        self._influx.query("; ".join(statements))


def _body(rollup: Rollup, window: Window) -> str:
    """The body of the continuous query with its bounds, made apart from what is tested."""
    body = influxql.create_continuous_query(rollup).partition(" BEGIN ")[2].removesuffix(" END")
    head, _, groups = body.rpartition(" GROUP BY ")
    joined = "AND" if " WHERE " in head else "WHERE"
    return f"{head} {joined} time >= {window.start} AND time < {window.end} GROUP BY {groups}"


def live(influx: Influx, window: Window, points: Iterable[Raw], rollups: Sequence[Rollup] = ROLLUPS) -> None:
    """Let the window pass: each minute's points are written in it, then its continuous queries run.

    The clock goes on for six minutes after the window, until nothing is computed again.
    """
    by_minute: dict[int, list[Raw]] = {}
    for point in points:
        by_minute.setdefault(point.time // MINUTE * MINUTE, []).append(point)
    queries = ContinuousQueries(influx, rollups)
    for minute in range(window.start, window.end + 6 * MINUTE, MINUTE):
        write(influx, by_minute.get(minute, []))
        queries.run(minute + MINUTE)


def contents(influx: Influx) -> dict[str, Mapping[tuple[object, ...], float]]:
    """Every point of every rollup: its series and time with its value."""
    found: dict[str, Mapping[tuple[object, ...], float]] = {}
    for rollup in ROLLUPS:
        column = influxql.typed(rollup.field, "field")
        origin = influxql.rollup_target(rollup)
        found[rollup.name] = {
            (*sorted(one.tags.items()), row[0]): row[1]
            for one in influx.query(f"SELECT {column} FROM {origin} GROUP BY *")
            for row in one.values
        }
    return found
