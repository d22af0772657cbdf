"""The checks of what is in an InfluxDB: how old the newest points are, and whether the rollups are whole."""

from collections.abc import Iterator, Mapping

from tstats import catalog
from tstats.config.settings import Settings
from tstats.core.time import HOUR, MINUTE
from tstats.core.windows import Window
from tstats.doctor.diagnosis import Finding, Verdict, age, counted, shown
from tstats.doctor.examine import Check, Sight
from tstats.doctor.subject import Subject, live_schema
from tstats.influx.health import read_newest
from tstats.rollups.plan import merged
from tstats.rollups.repair import RollupRepair

_RECENT = 10 * MINUTE
_RAW_KEPT = 26 * HOUR
_ROLLUP_LATE = 5 * MINUTE  # a minute's value comes with the continuous query of the next one
_SHORTEST_SILENCE = 120.0  # seconds


def newest(subject: Subject, check: Check) -> Iterator[Finding]:
    """That points come, and their minutes."""
    live = live_schema(subject, check)
    if isinstance(live, Finding):
        yield live
        return
    there = {(one.name, policy.name) for one in live for policy in one.policies}
    chosen = [(one.database, one.chosen(live) or "") for one in subject.written if one.collected]
    for database, policy in chosen:
        if {(database, policy), (database, catalog.MONTHLY)} <= there:
            yield _newest_of(subject, check, database, policy)
        else:
            text = f"{database} lacks a policy that the points are in: see schema and policies"
            yield check.finding(Verdict.NOT_CHECKED, text)


def _newest_of(subject: Subject, check: Check, database: str, policy: str) -> Finding:
    now, influx = subject.now, subject.influx
    end = now + HOUR
    # Few shards first: to look for the newest point of each series in all of them takes the server long.
    raw = read_newest(influx, database, policy, start=now - _RECENT, end=end)
    raw = raw or read_newest(influx, database, policy, start=now - _RAW_KEPT, end=end)
    if not raw:
        return check.finding(*_silent(subject.settings, f"{database} has no point of the last 26 h"))
    ages = {name: max(0.0, (now - moment) / 1e9) for name, moment in raw.items()}
    details = [f"{database}.{policy}.{name}: {age(one)}" for name, one in sorted(ages.items())]
    youngest, silence = min(ages.values()), _silence(subject.settings)
    if youngest > silence:
        text = f"{database}: the newest point is {age(youngest)} old"
        return check.finding(*_silent(subject.settings, text), details)
    rolled = read_newest(influx, database, catalog.MONTHLY, start=now - HOUR, end=end)
    details += [
        f"{database}.{catalog.MONTHLY}.{name}: {age((now - moment) / 1e9)}"
        for name, moment in sorted(rolled.items())
    ]
    late = _late(subject, database, policy, rolled)
    if late:
        text = f"{database}: points come, but the last minutes are missing in {shown(late)}"
        remedy = (
            "do continuous queries run on this server (see health)? Then: tstats rollup repair"
            if subject.settings.rollup_mode == "influxdb"
            else "is tstats collect running, which computes them (rollupMode)? Then: tstats rollup repair"
        )
        return check.finding(Verdict.WRONG, text, remedy, details)
    text = f"{database}: {counted(len(ages), 'measurement')}, the newest point {age(youngest)} old"
    quiet = [f"{name} ({age(one)})" for name, one in sorted(ages.items()) if one > silence]
    if quiet:
        remedy = "do the monitors still have these stats? --details shows all"
        return check.finding(Verdict.WARNING, f"{text}; quiet: {shown(quiet)}", remedy, details)
    return check.finding(Verdict.OK, text, details=details)


def _late(subject: Subject, database: str, policy: str, rolled: Mapping[str, int]) -> list[str]:
    """Minutes that should be there: their source had points some minutes ago, which is time enough."""
    end = subject.now - _ROLLUP_LATE
    earlier = read_newest(subject.influx, database, policy, start=end - 2 * MINUTE, end=end)
    return sorted(
        {
            rollup.target
            for rollup in catalog.ROLLUPS
            if (rollup.database, rollup.source_policy) == (database, policy)
            and rollup.source in earlier
            and rolled.get(rollup.target, 0) < end - 3 * MINUTE
        }
    )


def _silence(settings: Settings) -> float:
    """Seconds without a point that are too many."""
    return max(_SHORTEST_SILENCE, 3.0 * (settings.polling_interval + settings.publishing_interval))


def _silent(settings: Settings, text: str) -> Sight:
    """What it means that no points come."""
    if len(set(settings.influx_urls)) > 1 and settings.influx_write_mode == "any":
        remedy = 'with influxWriteMode "any" one server gets the points; sync_ts_databases copies its rollups'
        return Verdict.WARNING, text, remedy
    return Verdict.WRONG, text, "is tstats collect running? Its log and its spool say more"


def rollups(subject: Subject, check: Check) -> Iterator[Finding]:
    """That the rollups are what their sources make them, as far as a quick look shows."""
    window = Window(start=subject.now - subject.since, end=subject.now)
    report = RollupRepair(subject.influx, clock=lambda: subject.now).status(window)
    failures = [report.error, *(finding.error for finding in report.findings)]
    failed = list(dict.fromkeys(failure for failure in failures if failure))
    if failed:
        yield check.finding(Verdict.WRONG, shown(failed, most=1), subject.create, failed)
        return
    holes = {one.rollup.name: merged(one.windows) for one in report.findings if one.windows}
    span = age(subject.since / 1e9)
    if holes:
        details = [f"{name}: {window}" for name, windows in holes.items() for window in windows]
        first = min(window.start for windows in holes.values() for window in windows)
        last = max(window.end for windows in holes.values() for window in windows)
        within = Window(start=first, end=last)
        text = f"{counted(len(holes), 'rollup')} with something missing or stale in {within}: {shown(holes)}"
        yield check.finding(
            Verdict.WRONG, text, "tstats rollup repair (tstats collect does it each hour)", details
        )
        return
    yield check.finding(Verdict.OK, f"{len(report.findings)} rollups, nothing missing or stale in {span}")
