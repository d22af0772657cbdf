"""Sync shards by their blocks, several at once; the others are left to queries, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tstats.core.windows import Window
from tstats.errors import RefusedError, TstatsError
from tstats.influx.client import Influx
from tstats.influx.measurements import ServerShard, read_field_types, read_server_shards
from tstats.influx.shards.rpc import BackupPort
from tstats.sync.context import SyncContext
from tstats.sync.plan import Contents, MeasurementPlan, kept_windows
from tstats.sync.report import Counts, MeasurementReport, ShardReport
from tstats.sync.shards.access import BlockAccess
from tstats.sync.shards.copies import UnsuitedError, is_unchanged
from tstats.sync.shards.pair import PairOutcome, PairSync
from tstats.sync.shards.pairs import ShardPair, pair_shards
from tstats.sync.shards.unchanged import Times
from tstats.sync.transfer import StoppedError

if TYPE_CHECKING:
    from tstats.sync.shards.exchange import FieldTypes

SHARDS_AT_ONCE = 2
# A shard may be made between the two answers that are compared.
_LOOKS = 3


@dataclass(slots=True)
class BlockResult:
    """What the shards have come to for one measurement.

    Attributes:
        windows: those that need no queries.
        counts: what was found and done.
        unwritten: points that should have been written, but for a check or a dry run.
    """

    windows: list[Window] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    unwritten: int = 0

    def added_to(self, report: MeasurementReport) -> MeasurementReport:
        """Return a report with what the shards have come to added."""
        if not self.windows:
            return report
        report.counts.add(self.counts)
        verified = report.verified
        if verified is None and self.counts.points_written and report.error is None:
            verified = True
        return replace(report, unwritten=report.unwritten + self.unwritten, verified=verified)


class ShardSync:
    """The sync of shards by their blocks.

    Args:
        context: what all measurements share.
        plans: the measurements.
        blocks: the way to the blocks.

    Attributes:
        results: by the name of the measurement.
    """

    def __init__(
        self,
        context: SyncContext,
        plans: Sequence[MeasurementPlan],
        blocks: BlockAccess,
    ) -> None:
        self._context = context
        self._plans = plans
        self._ports = blocks.ports
        self._unchanged = blocks.unchanged
        self.options = context.options
        self._types: dict[str, tuple[FieldTypes, FieldTypes]] = {}
        self.results = {plan.name: BlockResult() for plan in plans}

    def pairs(self, source: Contents, target: Contents) -> list[ShardPair]:
        """Return the pairs of the retention policies that are asked for.

        Raises:
            UnsuitedError: a user may not list shards, or a port belongs to another server.
            TstatsError: a port cannot be reached.
        """
        shards = [
            _listed(self._context.source, self._ports.source),
            _listed(self._context.target, self._ports.target),
        ]
        return pair_shards(
            self._context.options, shards[0], shards[1], kept_windows(self._context.options, source, target)
        )

    def run(self, pairs: Sequence[ShardPair]) -> list[ShardReport]:
        """Sync pairs, and report how each went.

        Raises:
            StoppedError: the user ended the sync.
        """
        self._types = {
            database: (
                read_field_types(self._context.source, database),
                read_field_types(self._context.target, database),
            )
            for database in dict.fromkeys(pair.place[0] for pair in pairs)
        }
        pool = self._context.scheduler.windows
        try:
            return list(
                pool.each(self._sync, pairs, at_once=SHARDS_AT_ONCE, stop=self._context.scheduler.stop)
            )
        finally:
            self._unchanged.save()

    def _sync(self, pair: ShardPair) -> ShardReport:
        report = ShardReport(database=pair.place[0], retention_policy=pair.place[1], window=pair.window)
        if self._context.scheduler.stop.is_set():
            raise StoppedError("interrupted; run it again to continue")
        if pair.obstacle is not None:
            return replace(report, reason=pair.obstacle)
        try:
            return self._sync_blocks(pair, report)
        except StoppedError:
            raise
        except (TstatsError, UnicodeError) as error:
            return replace(report, reason=str(error))

    def _sync_blocks(self, pair: ShardPair, report: ShardReport) -> ShardReport:
        times = Times(source=self._context.source.time(), target=self._context.target.time())
        if is_unchanged(self._ports, pair, self._unchanged.since(pair)):
            self._unchanged.remember(pair, times)
            self._conclude(pair, None)
            return replace(report, by_blocks=True, unchanged=True, equal=True)
        plans = {plan.measurement: plan for plan in self._plans if (plan.database, plan.policy) == pair.place}
        outcome = PairSync(self._context, plans, self._ports, self._types[pair.place[0]], pair).sync()
        if outcome.is_equal:
            self._unchanged.remember(outcome.pair, times)
        self._conclude(pair, outcome)
        reasons = [f"{name}: {reason}" for name, reason in sorted(outcome.unsuited.items())]
        return replace(
            report,
            by_blocks=True,
            equal=not outcome.measurements,
            points_uploaded=outcome.points,
            bytes_uploaded=outcome.size,
            seconds_disabled=outcome.seconds,
            reason="; ".join(reasons) or None,
        )

    def _conclude(self, pair: ShardPair, outcome: PairOutcome | None) -> None:
        """Count what was found; windows of measurements that are unsuited are left to queries."""
        for plan in self._plans:
            if (plan.database, plan.policy) != pair.place:
                continue
            result = self.results[plan.name]
            found = outcome.measurements.get(plan.measurement) if outcome is not None else None
            if found is not None:
                result.counts.add(found.context.tally.counts)
            if outcome is not None and plan.measurement in outcome.unsuited:
                continue
            result.windows.append(pair.window)
            result.counts.windows_compared += 1
            if found is not None:
                result.counts.add(found.found.counts)
                result.counts.windows_different += found.found.differ()
                result.unwritten += found.found.unwritten


def _listed(influx: Influx, port: BackupPort) -> list[ServerShard]:
    """Return the shards of a server, after a look at whether the backup port is that of the server.

    Raises:
        UnsuitedError: the user may not list shards, or the port belongs to another server.
    """
    for _ in range(_LOOKS):
        try:
            listed = read_server_shards(influx)
        except RefusedError as error:
            raise UnsuitedError(f"listing shards takes an administrator: {error}") from error
        found = {(path.shard_id, path.database, path.policy) for path in port.shards()}
        if found == {(shard.number, *shard.place) for shard in listed}:
            return listed
    raise UnsuitedError(f"{port.address} is not the backup port of {influx.url}: it has other shards")
