"""Sync one pair of shards by their blocks: copy both, compare, write what is missing, and compare again."""

import random
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tstats.errors import BrokenStreamError, ServerError
from tstats.influx.client import Influx
from tstats.influx.measurements import read_server_shards
from tstats.influx.shards.archive import ShardPath, next_name
from tstats.influx.shards.rpc import Backup, BackupFile, BackupPort
from tstats.sync.context import SyncContext
from tstats.sync.measurement import open_measurement
from tstats.sync.plan import MeasurementPlan
from tstats.sync.shards.access import Ports
from tstats.sync.shards.copies import UnsuitedError, back_up, back_up_both, opened, room, temporary_folder
from tstats.sync.shards.exchange import Exchange, FieldTypes, Measurement, Upload
from tstats.sync.shards.pairs import ShardPair
from tstats.sync.transfer import Transfer

# The server itself may take the next generation of files meanwhile: an upload leaps over it.
_LEAP = (16, 1024)
_ATTEMPTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one comparison of a pair found, and what is to be uploaded because of it."""

    measurements: dict[str, Measurement]
    to_target: Upload
    to_source: Upload

    @property
    def wrote(self) -> bool:
        """Whether anything is being written."""
        return any(row.found.wrote for row in self.measurements.values())

    @property
    def is_equal(self) -> bool:
        """Whether both sides hold the same points."""
        found = self.measurements.values()
        return not any(row.unsuited or row.found.differ() for row in found)


@dataclass(slots=True)
class PairOutcome:
    """What became of a pair.

    Attributes:
        pair: with the ids of shards that were made meanwhile.
        measurements: what was found of each that differed.
        unsuited: why measurements have to be synced by queries, by name.
        is_equal: whether both sides hold the same points in the end.
        points, size: what was uploaded as blocks, and its bytes.
        seconds: for which uploads kept the writers of a shard waiting.
    """

    pair: ShardPair
    measurements: dict[str, Measurement] = field(default_factory=dict)
    unsuited: dict[str, str] = field(default_factory=dict)
    is_equal: bool = True
    points: int = 0
    size: int = 0
    seconds: float = 0.0


class PairSync:
    """The sync of one pair.

    Args:
        context: what all measurements share.
        plans: the measurements of the pair's retention policy, by name.
        ports: the backup ports.
        types: of the fields that the source and the target have.
        pair: the shards.
    """

    def __init__(
        self,
        context: SyncContext,
        plans: Mapping[str, MeasurementPlan],
        ports: Ports,
        types: tuple[FieldTypes, FieldTypes],
        pair: ShardPair,
    ) -> None:
        self._context = context
        self._plans = plans
        self._ports = ports
        self._types = types
        self._outcome = PairOutcome(pair)

    def sync(self) -> PairOutcome:
        """Sync the pair; what was written is compared again, and written once more where need be.

        Raises:
            UnsuitedError: it has to be synced by queries.
            TsmError: the copy of a shard is damaged.
            TstatsError: a server failed.
        """
        outcome = self._outcome
        found = self._compare()
        outcome.measurements = found.measurements
        for _ in range(_ATTEMPTS):
            if not found.wrote:
                break
            found = self._compare()
        if found.wrote:
            raise UnsuitedError("it still differs after it was written")
        outcome.is_equal = found.is_equal
        return outcome

    def _compare(self) -> _Found:
        """Copy both shards, compare them, and write what is missing."""
        pair, requests = self._outcome.pair, self._context.scheduler.requests
        with temporary_folder() as folder, ExitStack() as stack:
            since = self._server_times()
            copies = back_up_both(requests, self._ports, pair.source, pair.target, folder)
            found = self._exchange(copies, folder, stack)
            if found.wrote:
                for row in found.measurements.values():
                    row.transfer.drain()
                target = self._upload(
                    self._context.target, self._ports.target, found.to_target, copies[1], since[1]
                )
                source = self._upload(
                    self._context.source, self._ports.source, found.to_source, copies[0], since[0]
                )
                self._outcome.pair = replace(pair, source=source or pair.source, target=target or pair.target)
        return found

    def _server_times(self) -> tuple[int, int]:
        return self._context.source.time(), self._context.target.time()

    def _exchange(self, copies: tuple[Backup, Backup], folder: Path, stack: ExitStack) -> _Found:
        found = _Found(
            measurements={},
            to_target=stack.enter_context(closing(Upload(folder / "to-target.tsm", self._types[1]))),
            to_source=stack.enter_context(closing(Upload(folder / "to-source.tsm", self._types[0]))),
        )
        exchange = Exchange(
            self._context.options,
            self._outcome.pair.window,
            measurement=lambda name: self._measurement(name, found.measurements),
            to_target=found.to_target,
            to_source=found.to_source,
        )
        with opened(*copies) as sides:
            exchange.run(*sides)
        if exchange.hidden:
            hidden = ", ".join(sorted(exchange.hidden))
            raise UnsuitedError(f"a server does not show all that its shard holds: {hidden}")
        for name, row in found.measurements.items():
            if row.unsuited:
                self._outcome.unsuited[name] = row.unsuited
        return found

    def _measurement(self, name: str, measurements: dict[str, Measurement]) -> Measurement | None:
        if name not in measurements and name in self._plans:
            # No digest is compared on this way, so none has to be predicted.
            context = replace(open_measurement(self._plans[name], self._context)[0], columns=())
            measurements[name] = Measurement(context, Transfer(context, context.sides))
            measurements[name].unsuited = self._outcome.unsuited.get(name)
        return measurements.get(name)

    def _upload(
        self, influx: Influx, port: BackupPort, upload: Upload, copy: Backup, since: int
    ) -> int | None:
        """Upload the blocks that a side lacks; return the id of its shard, None where it lacks none.

        A point of each field is written first: it makes the shard, and on some servers blocks of fields that
        were never written there would stay invisible.
        """
        if upload.is_empty:
            return None
        size = upload.finish()
        place, window = self._outcome.pair.place, self._outcome.pair.window
        influx.write(b"\n".join(seed.text for seed in upload.seeds), database=place[0], policy=place[1])
        shards = read_server_shards(influx)
        number = next(
            (shard.number for shard in shards if (shard.place, shard.window) == (place, window)), None
        )
        if number is None:
            raise ServerError(f"{influx.url} made no shard for {self._outcome.pair.name}")
        # What the server has written to files since they were copied; all of a shard that was just made.
        later = back_up(
            port,
            number,
            upload.path.with_suffix(".later"),
            room(upload.path.parent),
            since if copy.files else None,
        )
        names = [file.name for file in (*copy.files, *later.files)]
        leap = f"{int(next_name(names)[:9]) + random.randrange(*_LEAP):09}-000000001.tsm"  # noqa: S311
        file = BackupFile(name=leap, path=upload.path, size=size)
        started = time.monotonic()
        # The shard is read back in any case, and what is missing then is uploaded under another name.
        with suppress(BrokenStreamError):
            port.update(ShardPath(*place, number), [file])
        self._outcome.seconds += time.monotonic() - started
        self._outcome.points += upload.points
        self._outcome.size += size
        return number
