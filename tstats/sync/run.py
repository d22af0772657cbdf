"""Makes two InfluxDBs hold the same points: the schema first, then every measurement."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from typing import Any

from tstats.errors import ServerError, TstatsError
from tstats.influx.client import Influx
from tstats.schema.provision import REFUSED_LOSS, ChangeResult, provision, read_live
from tstats.schema.spec import DatabaseSpec
from tstats.sync.measurement import MeasurementSync
from tstats.sync.plan import Request, Subject, find_subjects
from tstats.sync.report import Counts, MeasurementReport, Progress, SyncReport
from tstats.sync.transfer import StoppedError, Surroundings
from tstats.sync.write import IN_FLIGHT, Throttle

# Connections that one measurement can have open to one server: bodies, two streams, digests.
CONNECTIONS = IN_FLIGHT + 4


def sync(
    request: Request,
    source: Influx,
    target: Influx,
    *,
    schema: bool,
    progress: Progress,
) -> SyncReport:
    """Sync what is asked; what a server refuses is in the report.

    Args:
        request: what is asked.
        source: the server with the points.
        target: the server that is to have them; each with `CONNECTIONS` connections a job.
        schema: make the target's databases, policies and continuous queries those of the source first.
        progress: told how far it is.
    """
    begun = time.monotonic()
    report = SyncReport(source=source.url, target=target.url, apply=request.apply)
    try:
        source.version()
        target.version()
        ours = read_live(source, only=request.databases)
        _check_databases(request, source, ours)
        if schema:
            report = _with_schema(request, target, ours, report)
        theirs = read_live(target, only=request.databases)
        subjects = find_subjects(request, source, target, source_schema=ours, target_schema=theirs)
        progress.begin(sum(len(subject.stretches) for subject in subjects))
        report = replace(report, measurements=_sync_all(subjects, request, progress))
    except TstatsError as error:
        report = replace(report, error=report.error or str(error))
    return replace(report, seconds=time.monotonic() - begun)


def _check_databases(request: Request, source: Influx, ours: tuple[DatabaseSpec, ...]) -> None:
    missing = sorted(set(request.databases) - {database.name for database in ours})
    if len(missing) == len(request.databases) or (missing and request.all_must_exist):
        raise ServerError(f"{source.url} has no database {' or '.join(missing)}")


def _with_schema(
    request: Request, target: Influx, ours: tuple[DatabaseSpec, ...], report: SyncReport
) -> SyncReport:
    """Make the target's schema that of the source; what would delete points is left as it is."""
    wanted = [database for database in ours if database.name in request.databases]
    result = provision(target, wanted, allow_data_loss=False, apply=request.apply)
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


def _sync_all(subjects: list[Subject], request: Request, progress: Progress) -> tuple[MeasurementReport, ...]:
    """Sync the measurements, `request.jobs` at once; one that fails does not keep the others."""
    stop, gone = threading.Event(), threading.Event()
    with (
        ThreadPoolExecutor(request.jobs * CONNECTIONS * 2, "request") as executor,
        ThreadPoolExecutor(request.jobs * 4, "verify") as verifier,
        ThreadPoolExecutor(request.jobs, "measurement") as workers,
    ):
        around = Surroundings(
            executor=executor,
            verifier=verifier,
            throttle=Throttle(request.rate, stop),
            progress=progress,
            stop=stop,
        )
        futures = [workers.submit(_sync_one, subject, request, around, gone) for subject in subjects]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:  # above all Ctrl-C: the threads must end before it can go on its way
            stop.set()
            for future in futures:
                future.cancel()
            raise
    return tuple(future.result() for future in futures)


def _sync_one(
    subject: Subject, request: Request, around: Surroundings, gone: threading.Event
) -> MeasurementReport:
    if around.stop.is_set():
        raise StoppedError("interrupted")
    if gone.is_set():
        return _failed(subject, "not tried: a server had gone")
    report = MeasurementSync(subject, request, around).run()
    if report.error is not None:
        for side in (subject.source, subject.target):
            try:
                side.influx.version()
            except TstatsError:
                gone.set()
    return report


def _failed(subject: Subject, why: str) -> MeasurementReport:
    return MeasurementReport(
        database=subject.database,
        retention_policy=subject.policy,
        measurement=subject.measurement,
        counts=Counts(),
        error=why,
    )
