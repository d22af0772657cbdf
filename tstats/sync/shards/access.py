"""The way to the blocks of shards: both backup ports, and since when pairs are known to be equal."""

import threading
from dataclasses import dataclass

from tstats.influx.shards.address import BackupAddress
from tstats.influx.shards.rpc import BackupPort
from tstats.sync.shards.unchanged import UnchangedShards, default_path
from tstats.sync.write import Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The backup ports of both sides."""

    source: BackupPort
    target: BackupPort


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockAccess:
    """The way to the blocks.

    Attributes:
        ports: the backup ports.
        unchanged: since when pairs are known to be equal.
    """

    ports: Ports
    unchanged: UnchangedShards

    @classmethod
    def build(
        cls, source: BackupAddress, target: BackupAddress, *, sites: str, rate: float | None
    ) -> "BlockAccess":
        """Build the access to two ports; nothing is connected to yet.

        Args:
            source: the source's backup port.
            target: the target's.
            sites: names the two servers in the cache of equal shards.
            rate: at most so many bytes per second through both ports together; None for no limit.
        """
        throttle = None if rate is None else Throttle(rate, threading.Event()).wait
        ports = Ports(
            source=BackupPort(source, throttle=throttle), target=BackupPort(target, throttle=throttle)
        )
        unchanged = UnchangedShards(default_path(), f"{sites} {source} {target}")
        return cls(ports=ports, unchanged=unchanged)
