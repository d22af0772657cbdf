"""What the parts of a sync share: with all measurements, and within one of them."""

from dataclasses import dataclass

from tstats.influx.client import Influx
from tstats.sync.bisection import Bisector
from tstats.sync.digest import Column
from tstats.sync.options import SyncOptions
from tstats.sync.plan import MeasurementPlan
from tstats.sync.read import Sides
from tstats.sync.report import SyncProgress, Tally
from tstats.sync.scheduler import Scheduler
from tstats.sync.write import BodyWriter, Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncContext:
    """What all measurements of a sync share.

    Attributes:
        options: what is asked.
        source, target: the servers.
        scheduler: the threads.
        throttle: the rate limit of writing.
        progress: shows how far the sync is.
    """

    options: SyncOptions
    source: Influx
    target: Influx
    scheduler: Scheduler
    throttle: Throttle
    progress: SyncProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementContext:
    """What the windows of one measurement share.

    Attributes:
        sync: what all measurements share.
        plan: the measurement.
        sides: the readers.
        columns: of its digests; empty where it cannot have any.
        bisector: cuts what is too much for a server.
        to_target, to_source: the writers.
        tally: counts what is found and done.
    """

    sync: SyncContext
    plan: MeasurementPlan
    sides: Sides
    columns: tuple[Column, ...]
    bisector: Bisector
    to_target: BodyWriter
    to_source: BodyWriter
    tally: Tally
