"""The inventory in use: from Traffic Ops, or else what is known already, or else what was saved on disk."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from tstats.collect.metrics import CollectorMetrics
from tstats.core.time import SECOND
from tstats.errors import ServerError, SpoolError
from tstats.traffic_control.inventory import MONITOR_TYPE, Inventory
from tstats.traffic_control.traffic_ops import TrafficOps


class _KeptInventory(msgspec.Struct, kw_only=True):
    traffic_ops: str
    inventory: Inventory


class InventoryFile:
    """The last inventory on disk, so that a start does not need Traffic Ops; the file is replaced as a whole.

    Args:
        path: the file; its directory exists.
        traffic_ops: the URL that the inventory comes from; an inventory from elsewhere is not used.
    """

    def __init__(self, path: Path, traffic_ops: str) -> None:
        self._path = path
        self._traffic_ops = traffic_ops

    def save(self, inventory: Inventory) -> None:
        """Replace the file.

        Raises:
            SpoolError: the file cannot be written.
        """
        new = self._path.with_suffix(".new")
        kept = _KeptInventory(traffic_ops=self._traffic_ops, inventory=inventory)
        try:
            with new.open("wb") as file:
                file.write(msgspec.json.encode(kept))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self._path)
        except OSError as error:
            raise SpoolError(f"{self._path} cannot be written: {error.strerror}") from error

    def load(self) -> tuple[Inventory, float] | None:
        """Return the saved inventory and its age in seconds; None if there is no usable file."""
        try:
            age = max(0.0, (time.time_ns() - self._path.stat().st_mtime_ns) / SECOND)
            kept = msgspec.json.decode(self._path.read_bytes(), type=_KeptInventory)
        except (OSError, msgspec.MsgspecError):
            return None
        return (kept.inventory, age) if kept.traffic_ops == self._traffic_ops else None


class InventoryKeeper:
    """Keeps the inventory up to date. Not thread-safe.

    Args:
        traffic_ops: where it comes from; closed by `close`.
        file: the copy on disk.
        status: the status of the monitors to ask.
        metrics: gets the age of the inventory.
        log: gets what was found and what failed.
        clock: returns ns since the epoch.

    Attributes:
        current: the inventory in use; None until the first is known.
    """

    def __init__(
        self,
        *,
        traffic_ops: TrafficOps,
        file: InventoryFile,
        status: str,
        metrics: CollectorMetrics,
        log: structlog.stdlib.BoundLogger,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.current: Inventory | None = None
        self._traffic_ops = traffic_ops
        self._file = file
        self._status = status
        self._log = log
        self._clock = clock
        self._provided = clock()
        metrics.inventory_age.set_function(lambda: (self._clock() - self._provided) / SECOND)

    def close(self) -> None:
        """Close the connection to Traffic Ops."""
        self._traffic_ops.close()

    def refresh(self) -> bool:
        """Get the inventory from Traffic Ops; if that fails, go on with the current or the saved one.

        Returns:
            Whether Traffic Ops provided an inventory.
        """
        try:
            fresh = self._traffic_ops.inventory(self._status)
        except ServerError as error:
            self._log.error("inventory_failed", error=str(error))
            if self.current is None:
                self._load()
            return False
        self._provided = self._clock()
        self.current = fresh
        for problem in fresh.problems:
            self._log.warning("inventory_problem", problem=problem)
        if not fresh.monitors:
            self._log.warning(
                "no_monitors",
                remedy=f"Traffic Ops has no server of type {MONITOR_TYPE} with status {self._status}",
            )
        try:
            self._file.save(fresh)
        except SpoolError as error:
            self._log.error("inventory_not_kept", error=str(error))
        return True

    def _load(self) -> None:
        kept = self._file.load()
        if kept is None:
            return
        self.current, age = kept
        self._provided = self._clock() - int(age * SECOND)
        self._log.warning("inventory_from_disk", age_seconds=round(age))
