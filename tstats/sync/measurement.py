"""Sync one measurement: choose how to look for differences, then sync its windows."""

from tstats.errors import TstatsError
from tstats.influx.client import Influx
from tstats.influx.rows import Field, Kind
from tstats.sync.bisection import Bisector, TagValues
from tstats.sync.context import MeasurementContext, SyncContext
from tstats.sync.digest import Column, columns
from tstats.sync.merge import Policy
from tstats.sync.plan import MeasurementPlan
from tstats.sync.read import SideReader, Sides
from tstats.sync.report import MeasurementReport, Tally
from tstats.sync.scheduler import WINDOWS_AT_ONCE
from tstats.sync.survey import Approach
from tstats.sync.transfer import Findings, StoppedError
from tstats.sync.verify import Verifier
from tstats.sync.window import WindowSync
from tstats.sync.write import BodyWriter


def sync_measurement(plan: MeasurementPlan, context: SyncContext) -> MeasurementReport:
    """Sync a measurement; the failure of a server is in the report.

    Raises:
        StoppedError: the user ended the sync.
    """
    measurement, tags = open_measurement(plan, context)
    found: list[Findings] = []
    error: str | None = None
    try:
        if plan.windows:
            windows = _windows(measurement, tags)
            found.extend(context.scheduler.windows.each(windows.sync, plan.windows, at_once=WINDOWS_AT_ONCE))
    except StoppedError:
        raise
    except TstatsError as problem:
        error = str(problem)
    error = measurement.to_target.problem or measurement.to_source.problem or error
    differing = [window for findings in found for window in findings.differing]
    if error is None and differing:
        error = f"it still differs after it was written: {', '.join(str(window) for window in differing[:3])}"
    counts = measurement.tally.counts
    return MeasurementReport(
        database=plan.database,
        retention_policy=plan.policy,
        measurement=plan.measurement,
        counts=counts,
        unwritten=sum(findings.unwritten for findings in found),
        verified=(error is None) if counts.points_written else None,
        error=error,
    )


def open_measurement(plan: MeasurementPlan, context: SyncContext) -> tuple[MeasurementContext, TagValues]:
    """Build the readers and writers of a measurement."""
    tally, options = Tally(), context.options

    def writer(influx: Influx) -> BodyWriter:
        return BodyWriter(
            influx,
            database=plan.database,
            policy=plan.policy,
            requests=context.scheduler.requests,
            throttle=context.throttle,
            on_written=tally.add,
        )

    source = SideReader(context.source, plan, plan.source)
    target = SideReader(context.target, plan, plan.target)
    tags = TagValues((source, target), plan.tags)
    measurement = MeasurementContext(
        sync=context,
        plan=plan,
        sides=Sides(source, target),
        columns=digest_columns(plan, options.policy) if plan.has_uniform_field_types() else (),
        bisector=Bisector(tags),
        to_target=writer(context.target),
        to_source=writer(context.source),
        tally=tally,
    )
    return measurement, tags


def _windows(measurement: MeasurementContext, tags: TagValues) -> WindowSync:
    """Return what syncs the windows: by digests where they can be trusted, otherwise point by point."""
    plan, options = measurement.plan, measurement.sync.options
    trusted = plan.digests_suffice(options.policy) and not options.exact
    if not (trusted and plan.source.fields and plan.target.fields):
        return WindowSync(measurement, None, Verifier(measurement, ()))
    approach = _approach(measurement, tags)
    return WindowSync(measurement, approach, Verifier(measurement, approach.groups))


def _approach(measurement: MeasurementContext, tags: TagValues) -> Approach:
    """Choose how the digests are grouped, and whether those without all tags are trusted."""
    groups = tags.groups()
    tag = next(iter(tags.by_number()), None)
    return Approach(
        groups=groups,
        tag=tag,
        values=() if tag is None else tags.of(tag),
        same_series=len(groups) == len(measurement.plan.tags) or _have_same_series(measurement),
    )


def _have_same_series(measurement: MeasurementContext) -> bool:
    requests, sides = measurement.sync.scheduler.requests, measurement.sides
    source, target = (requests.submit(side.fingerprint) for side in (sides.source, sides.target))
    return source.result() == target.result()


def digest_columns(plan: MeasurementPlan, policy: Policy) -> tuple[Column, ...]:
    """Return the digest columns of a measurement; a field that is a float on either side is one.

    Where only missing points matter, there are no sums.
    """
    found = []
    for name in plan.fields:
        kinds = {kind for held in (plan.source, plan.target) if (kind := held.kind(name))}
        common: Kind = "float" if kinds == {"float", "integer"} else min(kinds)
        found.append(Field(name=name, kind=common))
    whole = columns(found)
    if plan.presence_interval(policy) is None:
        return whole
    return tuple(column for column in whole if column.function == "count")
