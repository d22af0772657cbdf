"""The check of an InfluxDB's own figures: services that are off, limits that come near, what it dropped."""

from collections.abc import Iterator

from tstats import catalog
from tstats.doctor.diagnosis import Finding, Verdict, counted, graded, size, worst
from tstats.doctor.examine import Check, Sight
from tstats.doctor.subject import FORBIDDEN, Subject
from tstats.errors import RefusedError
from tstats.influx.health import DatabaseHealth, ServerHealth, read_health

_SHARE_WARNING, _SHARE_WRONG = 0.8, 0.95


def health(subject: Subject, check: Check) -> Iterator[Finding]:
    """That nothing of the server is switched off, full or failing."""
    try:
        told = read_health(subject.influx)
    except RefusedError as error:
        if error.status != FORBIDDEN:
            raise
        yield check.finding(Verdict.NOT_CHECKED, "the server's figures are told to administrators only")
        return
    names = [database.name for database in catalog.DATABASES]
    ours = {name: told.databases[name] for name in names if name in told.databases}
    details = [f"{name}: {one.series:,} series, {size(one.disk_bytes)}" for name, one in ours.items()]
    rolls_up = subject.settings.rollup_mode == "influxdb"
    alarms = [*_services(told, rolls_up=rolls_up), *_limits(told, ours), *_losses(told, ours)]
    if alarms:
        verdicts, texts, remedies = zip(*alarms, strict=True)
        yield check.finding(worst(verdicts), "; ".join(texts), "; ".join(remedies), details)
        return
    series = max((one.series for one in ours.values()), default=0)
    limit = f" (limit {told.most_series:,})" if told.most_series else ""
    used = size(sum(one.disk_bytes for one in ours.values()))
    text = f"at most {series:,} series in a database{limit}, {used} on disk"
    yield check.finding(Verdict.OK, text, details=details)


def _services(told: ServerHealth, *, rolls_up: bool) -> Iterator[Sight]:
    if told.runs_continuous_queries is False and rolls_up:
        yield (
            Verdict.WRONG,
            "continuous queries are switched off, so nothing rolls up",
            'set enabled = true in [continuous_queries] of influxdb.conf, or rollupMode to "tstats"',
        )
    if told.drops_expired is False:
        yield (
            Verdict.WARNING,
            "retention is switched off, so nothing is ever deleted",
            "set enabled = true in [retention] of influxdb.conf",
        )


def _limits(told: ServerHealth, ours: dict[str, DatabaseHealth]) -> Iterator[Sight]:
    for name, one in ours.items():
        verdict = _verdict(one.series, told.most_series)
        if verdict is not Verdict.OK:
            yield (
                verdict,
                f"{name} has {one.series:,} of at most {told.most_series:,} series; more are dropped",
                'raise max-series-per-database, or use index-version = "tsi1", in influxdb.conf',
            )
    verdict = _verdict(told.cached, told.most_cached)
    if verdict is not Verdict.OK:
        yield (
            verdict,
            f"a shard caches {size(told.cached)} of at most {size(told.most_cached)}; more is refused",
            "raise cache-max-memory-size in influxdb.conf, or give the server a faster disk",
        )


def _verdict(used: int, limit: int) -> Verdict:
    return graded(used / limit, warning=_SHARE_WARNING, wrong=_SHARE_WRONG) if limit else Verdict.OK


def _losses(told: ServerHealth, ours: dict[str, DatabaseHealth]) -> Iterator[Sight]:
    for name, one in ours.items():
        if one.dropped:
            yield (
                Verdict.WARNING,
                f"{name}: {counted(one.dropped, 'point')} dropped since the server's start",
                "influxd's log names them; points beyond their retention are dropped rightly",
            )
    if told.queries_failed:
        runs = told.queries_failed + told.queries_done
        yield (
            Verdict.WARNING,
            f"{told.queries_failed:,} of {runs:,} continuous queries failed since the server's start",
            "influxd's log names them; tstats collect repairs what they left out",
        )
