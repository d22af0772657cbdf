"""The days in InfluxDB: the minutes that they are summarized from, and the points of daily_stats."""

from collections.abc import Collection, Iterable
from datetime import date

from tstats.catalog import DAILY_STATS
from tstats.core.model import DailySource
from tstats.core.time import EARLIEST, INFINITE, LATEST, parse_go_duration
from tstats.errors import RefusedError
from tstats.influx import influxql, line_protocol
from tstats.influx.client import Influx
from tstats.summaries.day import ALL, Key, Summary, Traffic, stale, window

_CDN = "cdn"
_DELIVERYSERVICE = "deliveryservice"
_LINES_A_REQUEST = 5_000


def _origin(source: DailySource) -> str:
    return influxql.source(source.database, source.policy, source.measurement)


def read_traffic(influx: Influx, source: DailySource, day: date) -> list[Traffic]:
    """The day of each CDN or delivery service that has points, computed by the server.

    Series without a name for what they are of are left out, and so is a delivery service whose name means
    the whole CDN.
    """
    # Alone in its statement, max comes with the time of its point; the first one where there are several.
    maxima = _aggregated(influx, source, "max", day)
    totals = _aggregated(influx, source, "sum", day)
    return [
        Traffic(
            cdn=names[0],
            deliveryservice=names[1] if len(names) > 1 else ALL,
            maximum=maximum,
            at=at,
            total=totals[names][1],
        )
        for names, (at, maximum) in sorted(maxima.items())
        if all(names) and names[1:] != (ALL,) and names in totals
    ]


def _aggregated(
    influx: Influx, source: DailySource, aggregate: str, day: date
) -> dict[tuple[str, ...], tuple[int, float]]:
    """Time and value by the names that the source is grouped by."""
    span = window(day)
    statement = influxql.select(
        [f"{aggregate}(value)"],
        _origin(source),
        start=span.start,
        end=span.end,
        groups=[influxql.typed(tag, "tag") for tag in source.tags],
    )
    return {
        tuple(series.tags[tag] for tag in source.tags): (row["time"], float(row[aggregate]))
        for series in influx.query(statement, database=source.database)
        for row in series.rows()
    }


def read_cdns(influx: Influx, source: DailySource) -> set[str]:
    """The CDNs that have had points since the server last forgot any."""
    statement = influxql.show_tag_values(source.database, source.policy, source.measurement, _CDN)
    return {row["value"] for series in influx.query(statement) for row in series.rows() if row["value"]}


def read_first(influx: Influx, source: DailySource) -> int | None:
    """The moment of the oldest point, in ns; None without one."""
    statement = influxql.select(["value"], _origin(source), start=EARLIEST, end=LATEST, limit=1)
    rows = [row for series in influx.query(statement, database=source.database) for row in series.rows()]
    return int(rows[0]["time"]) if rows else None


def read_retention(influx: Influx, source: DailySource) -> int:
    """How long the minutes are kept, in ns; `INFINITE` for ever.

    Raises:
        RefusedError: there is no such database or policy.
    """
    for series in influx.query(influxql.show_retention_policies(source.database)):
        for row in series.rows():
            if row["name"] == source.policy:
                return parse_go_duration(row["duration"]) or INFINITE
    raise RefusedError(
        f"{influx.url} has no retention policy {source.policy} of {source.database}; run create_ts_databases"
    )


class DailyPoints:
    """The points of daily_stats on one server.

    Args:
        influx: the server.
        policy: the retention policy; empty is the database's default one.
    """

    def __init__(self, influx: Influx, policy: str) -> None:
        self._influx = influx
        self._policy = policy

    @property
    def url(self) -> str:
        """The server's address."""
        return self._influx.url

    def read(self, cdn: str, day: date, stats: Iterable[str]) -> dict[Key, dict[int, float]]:
        """The values of a CDN and its delivery services in a day, by time; there should be one of each."""
        found: dict[Key, dict[int, float]] = {}
        span = window(day)
        for stat in stats:
            named = influxql.identifier(stat)
            statement = influxql.select(
                ["value"],
                f"{influxql.identifier(self._policy)}.{named}" if self._policy else named,
                start=span.start,
                end=span.end,
                conditions=[influxql.one_of(_CDN, [cdn])],
                groups=[influxql.typed(_DELIVERYSERVICE, "tag")],
            )
            for series in self._influx.query(statement, database=DAILY_STATS):
                key = Key(cdn=cdn, deliveryservice=series.tags[_DELIVERYSERVICE], stat=stat, day=day)
                found[key] = {row["time"]: float(row["value"]) for row in series.rows()}
        return found

    def write(self, summaries: Collection[Summary]) -> None:
        """Let the day of each summary, all of one CDN and day, have its point and no other.

        What an older maximum left behind goes after the new one is there: a crash between leaves one too
        many, never none.
        """
        lines = [
            line_protocol.point(
                summary.key.stat, tags=_tags(summary.key), fields={"value": summary.value}, time=summary.time
            )
            for summary in summaries
        ]
        for start in range(0, len(lines), _LINES_A_REQUEST):
            body = "\n".join(lines[start : start + _LINES_A_REQUEST]).encode()
            self._influx.write(body, database=DAILY_STATS, policy=self._policy or None)
        first = next(iter(summaries)).key
        found = self.read(first.cdn, first.day, sorted({summary.key.stat for summary in summaries}))
        for summary in summaries:
            for time in stale(summary, found.get(summary.key, {})):
                statement = influxql.delete_moment(summary.key.stat, time=time, tags=_tags(summary.key))
                self._influx.query(statement, database=DAILY_STATS)


def _tags(key: Key) -> dict[str, str]:
    return {_CDN: key.cdn, _DELIVERYSERVICE: key.deliveryservice}
