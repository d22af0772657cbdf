"""Run a sync: the schema first, then every measurement."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tstats.errors import ConfigError, ServerError, TstatsError
from tstats.influx.client import Influx
from tstats.schema.provision import REFUSED_LOSS, ChangeResult, provision, read_live
from tstats.schema.spec import DatabaseSpec
from tstats.sync.contents import read_contents
from tstats.sync.context import SyncContext
from tstats.sync.measurement import sync_measurement
from tstats.sync.options import SyncOptions
from tstats.sync.plan import Contents, MeasurementPlan, plan, without
from tstats.sync.report import Counts, MeasurementReport, SyncProgress, SyncReport
from tstats.sync.scheduler import SEGMENTS_AT_ONCE, WINDOWS_AT_ONCE, Scheduler
from tstats.sync.shards.access import BlockAccess
from tstats.sync.shards.run import BlockResult, ShardSync
from tstats.sync.transfer import StoppedError
from tstats.sync.write import IN_FLIGHT, Throttle

CONNECTIONS = IN_FLIGHT + SEGMENTS_AT_ONCE + 2 * WINDOWS_AT_ONCE
"""Connections that one measurement can have open to one server: bodies, streams, digests."""


def sync(
    options: SyncOptions,
    source: Influx,
    target: Influx,
    *,
    schema: bool,
    progress: SyncProgress,
    blocks: BlockAccess | None = None,
) -> SyncReport:
    """Sync what is asked for; what a server refuses is in the report.

    Args:
        options: what is asked for.
        source: the server that has the points.
        target: the server that is to have them; both with `CONNECTIONS` connections per job.
        schema: first give the target the source's databases, policies and continuous queries.
        progress: shows how far it is.
        blocks: the way to the blocks of whole shards; None goes by queries alone.

    Raises:
        ConfigError: a pattern matches no measurement of either side.
    """
    started = time.monotonic()
    report = SyncReport(source=source.url, target=target.url, apply=options.apply)
    try:
        source.version()
        target.version()
        ours = read_live(source, only=options.databases)
        _check_databases(options, source, ours)
        if schema:
            report = _with_schema(options, target, ours, report)
        theirs = read_live(target, only=options.databases)
        if options.apply:
            for influx in (target, source) if options.both_ways else (target,):
                _check_writable(influx, theirs if influx is target else ours, options)
        contents = read_contents(source, ours, options), read_contents(target, theirs, options)
        plans = plan(options, *contents)
        progress.begin(sum(len(measurement.windows) for measurement in plans))
        with Scheduler(options.jobs) as scheduler:
            context = SyncContext(
                options=options,
                source=source,
                target=target,
                scheduler=scheduler,
                throttle=Throttle(options.rate, scheduler.stop),
                progress=progress,
            )
            results: Mapping[str, BlockResult] = {}
            if blocks is not None and options.via != "queries":
                shards = ShardSync(context, plans, blocks)
                report = replace(report, **_sync_shards(shards, contents))
                results = shards.results
            report = replace(report, measurements=_sync_all(plans, context, results))
    except ConfigError:
        raise
    except TstatsError as error:
        report = replace(report, error=report.error or str(error))
    return replace(report, seconds=time.monotonic() - started)


def _check_databases(options: SyncOptions, source: Influx, ours: tuple[DatabaseSpec, ...]) -> None:
    missing = sorted(set(options.databases) - {database.name for database in ours})
    if len(missing) == len(options.databases) or (missing and options.all_must_exist):
        raise ServerError(f"{source.url} has no database {' or '.join(missing)}")


def _check_writable(influx: Influx, schema: tuple[DatabaseSpec, ...], options: SyncOptions) -> None:
    """Write nothing to each database, so that a refusal is met once, before the work."""
    for database in schema:
        if database.name in options.databases:
            influx.write(b"", database=database.name)


def _with_schema(
    options: SyncOptions, target: Influx, ours: tuple[DatabaseSpec, ...], report: SyncReport
) -> SyncReport:
    """Give the target the source's schema; what would delete points is left as it is."""
    wanted = [database for database in ours if database.name in options.databases]
    result = provision(target, wanted, allow_data_loss=False, apply=options.apply)
    if result.error is not None and not result.changes:
        raise ServerError(f"the schema could not be synced: {result.error}")
    harmless = [change for change in result.changes if not change.change.loses_data]
    failed = [change for change in harmless if change.error is not None]
    return replace(
        report,
        schema_changes=tuple(_as_json(change) for change in result.changes),
        schema_in_sync=all(change.applied for change in harmless),
        error=f"the schema could not be synced: {failed[0].error}" if failed else None,
    )


def _as_json(result: ChangeResult) -> dict[str, Any]:
    change = result.change
    error = result.error
    return {
        "action": change.action,
        "kind": change.kind,
        "database": change.database,
        "name": change.name,
        "statement": "; ".join(change.statements),
        "applied": result.applied,
        "error": "left as it is: it would delete points" if error == REFUSED_LOSS else error,
    }


def _sync_shards(shards: ShardSync, contents: tuple[Contents, Contents]) -> dict[str, Any]:
    """Sync what can be synced by blocks; return what the report says of it."""
    try:
        pairs = shards.pairs(*contents)
    except TstatsError as error:
        if shards.options.via == "shards":
            raise
        return {"warnings": (f"everything goes by queries: {error}",)}
    return {"shards": tuple(shards.run(pairs))}


def _sync_all(
    plans: list[MeasurementPlan], context: SyncContext, results: Mapping[str, BlockResult]
) -> tuple[MeasurementReport, ...]:
    """Sync the measurements, `jobs` at once; one that fails does not stop the others."""
    gone = threading.Event()

    def sync_one(measurement: MeasurementPlan) -> MeasurementReport:
        result = results.get(measurement.name, BlockResult())
        return result.added_to(_sync_one(without(measurement, result.windows), context, gone))

    pool, jobs = context.scheduler.measurements, context.options.jobs
    return tuple(pool.each(sync_one, plans, at_once=jobs, stop=context.scheduler.stop))


def _sync_one(measurement: MeasurementPlan, context: SyncContext, gone: threading.Event) -> MeasurementReport:
    if context.scheduler.stop.is_set():
        raise StoppedError("interrupted; run it again to continue")
    if gone.is_set() and measurement.windows:
        return MeasurementReport(
            database=measurement.database,
            retention_policy=measurement.policy,
            measurement=measurement.measurement,
            counts=Counts(),
            error="not tried: a server had gone away",
        )
    report = sync_measurement(measurement, context)
    if report.error is not None:
        for influx in (context.source, context.target):
            try:
                influx.version()
            except TstatsError:
                gone.set()
    return report
