"""Daily summaries in InfluxDB: the one-minute values that they are computed from, and their points."""

from collections.abc import Collection, Iterable
from datetime import date

from tstats.catalog import DAILY_STATS
from tstats.core.model import DailySource
from tstats.core.time import EARLIEST, INFINITE, LATEST, parse_go_duration
from tstats.errors import RefusedError
from tstats.influx import influxql, line_protocol
from tstats.influx.client import Influx
from tstats.summaries.day import ALL, DayTraffic, Summary, SummaryKey, stale_times, window_of

_CDN = "cdn"
_DELIVERYSERVICE = "deliveryservice"
_LINES_PER_REQUEST = 5_000


def read_traffic(influx: Influx, source: DailySource, day: date) -> list[DayTraffic]:
    """Return the day's traffic of each CDN or delivery service that has points, computed by the server.

    Left out are series without a name, and delivery services whose name stands for the whole CDN.
    """
    # Alone in its statement, max returns the time of its point, the first one if there are several.
    maxima = _aggregated(influx, source, "max", day)
    totals = _aggregated(influx, source, "sum", day)
    return [
        DayTraffic(
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
    """Return time and value, by the values of the source's tags."""
    window = window_of(day)
    statement = influxql.select(
        [f"{aggregate}(value)"],
        _from(source),
        start=window.start,
        end=window.end,
        groups=[influxql.typed(tag, "tag") for tag in source.tags],
    )
    return {
        tuple(series.tags[tag] for tag in source.tags): (row["time"], float(row[aggregate]))
        for series in influx.query(statement, database=source.database)
        for row in series.rows()
    }


def read_cdns(influx: Influx, source: DailySource) -> set[str]:
    """Return the CDNs in the server's index, which may include some whose points have expired."""
    statement = influxql.show_tag_values(source.database, source.policy, source.measurement, _CDN)
    return {row["value"] for series in influx.query(statement) for row in series.rows() if row["value"]}


def read_first(influx: Influx, source: DailySource) -> int | None:
    """Return the time of the oldest point, in ns since the epoch; None if there are no points."""
    statement = influxql.select(["value"], _from(source), start=EARLIEST, end=LATEST, limit=1)
    rows = [row for series in influx.query(statement, database=source.database) for row in series.rows()]
    return int(rows[0]["time"]) if rows else None


def read_retention(influx: Influx, source: DailySource) -> int:
    """Return how long the source's points are kept, in ns; `INFINITE` is forever.

    Raises:
        RefusedError: the database or the policy does not exist.
    """
    for series in influx.query(influxql.show_retention_policies(source.database)):
        for row in series.rows():
            if row["name"] == source.policy:
                return parse_go_duration(row["duration"]) or INFINITE
    raise RefusedError(
        f"{influx.url} has no retention policy {source.policy} of {source.database}; run create_ts_databases"
    )


def _from(source: DailySource) -> str:
    return influxql.source(source.database, source.policy, source.measurement)


class DailyPoints:
    """The points of daily_stats on one server.

    Args:
        influx: the server.
        policy: the retention policy; empty for the database's default policy.
    """

    def __init__(self, influx: Influx, policy: str) -> None:
        self._influx = influx
        self._policy = policy

    @property
    def url(self) -> str:
        """The server's address."""
        return self._influx.url

    def read(self, cdn: str, day: date, stats: Iterable[str]) -> dict[SummaryKey, dict[int, float]]:
        """Return the day's points of a CDN and its delivery services, by time; each should have just one."""
        found: dict[SummaryKey, dict[int, float]] = {}
        window = window_of(day)
        for stat in stats:
            measurement = influxql.identifier(stat)
            statement = influxql.select(
                ["value"],
                f"{influxql.identifier(self._policy)}.{measurement}" if self._policy else measurement,
                start=window.start,
                end=window.end,
                conditions=[influxql.one_of(_CDN, [cdn])],
                groups=[influxql.typed(_DELIVERYSERVICE, "tag")],
            )
            for series in self._influx.query(statement, database=DAILY_STATS):
                key = SummaryKey(cdn=cdn, deliveryservice=series.tags[_DELIVERYSERVICE], stat=stat, day=day)
                found[key] = {row["time"]: float(row["value"]) for row in series.rows()}
        return found

    def write(self, summaries: Collection[Summary]) -> None:
        """Write one point per summary and delete stale ones for that day.

        The stale points are deleted after the new ones are written, so that a crash in between leaves one
        point too many, never none.

        Args:
            summaries: at least one, all of the same CDN and day.
        """
        lines = [
            line_protocol.point(
                summary.key.stat, tags=_tags(summary.key), fields={"value": summary.value}, time=summary.time
            )
            for summary in summaries
        ]
        for start in range(0, len(lines), _LINES_PER_REQUEST):
            body = "\n".join(lines[start : start + _LINES_PER_REQUEST]).encode()
            self._influx.write(body, database=DAILY_STATS, policy=self._policy or None)
        first = next(iter(summaries)).key
        found = self.read(first.cdn, first.day, sorted({summary.key.stat for summary in summaries}))
        for summary in summaries:
            for time in stale_times(summary, found.get(summary.key, {})):
                statement = influxql.delete_moment(summary.key.stat, time=time, tags=_tags(summary.key))
                self._influx.query(statement, database=DAILY_STATS)


def _tags(key: SummaryKey) -> dict[str, str]:
    return {_CDN: key.cdn, _DELIVERYSERVICE: key.deliveryservice}
